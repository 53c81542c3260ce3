import {
  archiveKey,
  channelKey,
  manifestKey,
  reportsPrefix,
  signatureKey,
} from "../../lambdas/config/keys.ts";
import type { Report } from "../../lambdas/config/report.ts";
import { timeText } from "../../lambdas/config/rules/move-channel.ts";
import type { Clock } from "../../lambdas/runtime/clock.ts";
import type { Random } from "../random.ts";
import { formatReport } from "./format-report.ts";
import type { MachineObjects } from "./machine-objects.ts";
import { GaveUp, type Patience, persist } from "./persist.ts";
import {
  acceptChannel,
  acceptManifest,
  chooseBundle,
  digestOf,
  openArchive,
  Refused,
  type SeenChannel,
} from "./rules.ts";
import type { MachineSettings } from "./settings.ts";

/** A bundle on the disk of a machine. */
export interface Installation {
  /** The name by which it was fetched. */
  readonly bundle: string;
  /** The digest of what was unpacked: the machine itself does not look at this one. */
  readonly content: string;
  /** Of the channel that led to it. */
  readonly serial: number;
  /** When the machine had it. Milliseconds since the epoch. */
  readonly at: number;
}

/** What outlives a run of the machine's pull. */
export interface Disk {
  /** The oldest first; the machine runs the last one. */
  readonly installations: Installation[];
  seen?: SeenChannel;
}

export interface PullingMachine {
  readonly instanceId: string;
  readonly settings: MachineSettings;
  readonly objects: MachineObjects;
  /** The instance tag `drover:bundle`, as instance metadata has it now. */
  readonly tag: () => string | undefined;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
}

/** Bytes, as `node/` has them. */
const most = { channel: 262_144, manifest: 4096, signature: 512 } as const;

/** Milliseconds between two looks for a tag, and for a report to be sent. */
const tagPause = 2000;
const reportPatience = 30_000;
/** A machine that has a bundle goes on with it when the bucket cannot be reached. */
const patienceWithBundle = 60_000;

const fetchObject = async (
  { objects }: PullingMachine,
  patience: Patience,
  key: string,
  mostBytes: number,
): Promise<Buffer> => {
  const content = await persist(patience, key, () => objects.get(key, mostBytes));
  if (content === undefined) throw new Refused(`refused: there is no ${key}`);
  return content;
};

const readTag = async (
  { settings, tag, clock }: PullingMachine,
  { began, deadline }: Patience,
): Promise<string | undefined> => {
  while (tag() === undefined && settings.assignment === "wait") {
    if (clock.now() >= deadline)
      throw new GaveUp(
        `gave up: the tag drover:bundle did not come within ${(clock.now() - began) / 1000} s`,
      );
    await clock.sleep(tagPause);
  }
  return tag();
};

/** @throws Refused or GaveUp; the disk is then as it was */
const obtain = async (
  machine: PullingMachine,
  patience: Patience,
  step: (what: string) => void,
): Promise<void> => {
  const { settings, disk, clock } = machine;
  const { pool } = settings;
  step("reading the channel");
  const read = await fetchObject(machine, patience, channelKey(pool), most.channel);
  const { channel, seen } = acceptChannel(read, settings, disk.seen);
  step("choosing the bundle");
  const tag = await readTag(machine, patience);
  const bundle = chooseBundle(channel, tag, disk.installations.length > 0);
  if (disk.installations.at(-1)?.bundle !== bundle) {
    step(`reading the manifest of ${bundle}`);
    const manifest = acceptManifest(
      await fetchObject(machine, patience, manifestKey(pool, bundle), most.manifest),
      await fetchObject(machine, patience, signatureKey(pool, bundle), most.signature),
      settings,
      bundle,
    );
    step(`fetching ${bundle}`);
    // What does not shrink when it is compressed grows by a little.
    const mostBytes = manifest.bytes + 65_536;
    const archive = await fetchObject(machine, patience, archiveKey(pool, bundle), mostBytes);
    const content = digestOf(openArchive(archive, manifest));
    step(`switching to ${bundle}`);
    const at = clock.now();
    disk.installations.push({ bundle, content, serial: channel.serial, at });
  }
  disk.seen = seen;
};

const send = async (
  { instanceId, settings, objects, clock, random }: PullingMachine,
  report: Report,
): Promise<void> => {
  const began = clock.now();
  const patience = { clock, random, began, deadline: began + reportPatience };
  const key = `${reportsPrefix(settings.pool)}${settings.roleId}:${instanceId}`;
  try {
    await persist(patience, key, () => objects.put(key, formatReport(report)));
  } catch (error) {
    // It is on the console of the machine all the same.
    if (!(error instanceof Refused) && !(error instanceof GaveUp)) throw error;
  }
};

/**
 * A machine fetches what its assignment says, by the rules of
 * `docs/bundle-format.md`, and reports how that went: at its boot, and whenever
 * it looks again. Files, binaries and secrets are not laid out: what an
 * emulated machine runs is a digest.
 *
 * @returns the report, which has been sent if that was possible
 */
export const pull = async (machine: PullingMachine): Promise<Report> => {
  const { settings, disk, clock, random } = machine;
  const began = clock.now();
  const milliseconds = settings.bootSeconds * 1000;
  const allowed =
    disk.installations.length > 0 ? Math.min(patienceWithBundle, milliseconds) : milliseconds;
  const patience = { clock, random, began, deadline: began + allowed };
  let step = "reading the channel";
  let reason: string | undefined;
  try {
    await obtain(machine, patience, (what) => (step = what));
  } catch (error) {
    if (!(error instanceof Refused) && !(error instanceof GaveUp)) throw error;
    reason = error.message;
  }
  const installation = disk.installations.at(-1);
  const report: Report = {
    pool: settings.pool,
    time: timeText(clock.now()),
    state: reason === undefined ? "ready" : installation === undefined ? "failed" : "kept",
    ...(installation && { bundle: installation.bundle }),
    ...(disk.seen && { serial: disk.seen.serial }),
    seconds: Math.round((clock.now() - began) / 1000),
    step,
    ...(reason !== undefined && { reason }),
    services: [],
  };
  await send(machine, report);
  return report;
};
