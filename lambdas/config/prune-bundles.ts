import * as v from "valibot";
import { type Ec2, ec2Client } from "../clients/ec2.ts";
import { InputRefused } from "../runtime/errors.ts";
import { parseSettings } from "../runtime/settings.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import { type BundleDesk, PublishingRefused } from "./bundle-desk.ts";
import { archiveKey, manifestKey, signatureKey } from "./keys.ts";
import { listBundles, listPools, type ReportedMachine } from "./list-bundles.ts";
import { connectDesk } from "./publishing.ts";
import { readChannel } from "./read-channel.ts";
import { choosePrunable, type Retention } from "./rules/choose-prunable.ts";

const input = v.strictObject({});

/** How many instances EC2 is asked for at once. */
const askedAtOnce = 100;

const day = 24 * 60 * 60_000;

interface Pruned {
  readonly pool: string;
  readonly removed: readonly string[];
  readonly reportsRemoved: number;
  /** Why nothing was removed. */
  readonly why?: string;
}

/** Machines that have ended, by EC2's own word; one of which it says nothing has not. */
const findEnded = async (
  ec2: Ec2,
  machines: readonly ReportedMachine[],
): Promise<ReadonlySet<string>> => {
  const ended = new Set<string>();
  for (let from = 0; from < machines.length; from += askedAtOnce) {
    const ids = machines.slice(from, from + askedAtOnce).map(({ instanceId }) => instanceId);
    for (const [id, word] of await ec2.wordsOn(ids)) {
      if (word === "terminated" || word === "not found") ended.add(id);
    }
  }
  return ended;
};

/** The archive goes last: as long as it is there, the next run finds what is left of a bundle. */
const removeBundle = async ({ objects }: BundleDesk, pool: string, sha256: string) => {
  for (const key of [signatureKey, manifestKey, archiveKey])
    await objects.remove(key(pool, sha256));
};

/**
 * Removes old bundles, and the reports of machines that ended more than the days of the
 * retention ago. A bundle that a machine may run is never removed: while the report of one
 * that lives cannot be read, none is.
 */
const prunePool = async (
  desk: BundleDesk,
  ec2: Ec2,
  pool: string,
  retention: Retention,
  now: number,
): Promise<Pruned> => {
  const { channel, stored, machines } = await listBundles(desk, pool);
  const ended = await findEnded(ec2, machines);
  // By the bucket's clock: that of a machine may be wrong, or lie.
  const isOld = ({ stored: since, report }: ReportedMachine): boolean =>
    report === undefined || since < now - retention.days * day;
  const forgotten = machines.filter((each) => ended.has(each.instanceId) && isOld(each));
  for (const { key } of forgotten) await desk.objects.remove(key);

  const result = { pool, removed: [], reportsRemoved: forgotten.length };
  if (channel === undefined) return { ...result, why: "there is no channel" };
  const living = machines.filter(({ instanceId }) => !ended.has(instanceId));
  const unknown = living.filter(({ report }) => report === undefined);
  if (unknown.length > 0)
    return { ...result, why: `the report of ${unknown[0]?.instanceId} cannot be read` };
  const inUse = new Set(
    living.map(({ report }) => report?.bundle).filter((bundle) => bundle !== undefined),
  );
  const removed: string[] = [];
  for (const { sha256 } of choosePrunable(channel, stored, inUse, retention, now)) {
    // Somebody may want it again since then.
    if ((await readChannel(desk, pool))?.channel.serial !== channel.serial) break;
    await removeBundle(desk, pool, sha256);
    removed.push(sha256);
  }
  return { ...result, removed };
};

/** Removes what no pool needs any more. */
export const createHandler = (surroundings: Surroundings) => {
  const desk = connectDesk(surroundings);
  const ec2 = ec2Client(surroundings);
  const settings = parseSettings("retention", surroundings.env);
  const retention = { count: settings.DROVER_KEEP_BUNDLES, days: settings.DROVER_KEEP_DAYS };
  return task(surroundings, input, async (_, { log }) => {
    const pruned: Pruned[] = [];
    const refused: string[] = [];
    for (const pool of await listPools(desk)) {
      try {
        const each = await prunePool(desk, ec2, pool, retention, surroundings.clock.now());
        log.info("pruned", { ...each });
        pruned.push(each);
      } catch (error) {
        if (!(error instanceof PublishingRefused)) throw error;
        // The others are not to wait for it.
        refused.push(error.message);
      }
    }
    if (refused.length > 0) throw new InputRefused(refused.join("; "));
    return pruned;
  });
};

export const handler = wired(createHandler);
