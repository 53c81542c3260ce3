import { PublishingRefused } from "../../lambdas/config/bundle-desk.ts";
import type { Channel } from "../../lambdas/config/channel.ts";
import { type Published, publishBundle } from "../../lambdas/config/publish-bundle.ts";
import { readChannel } from "../../lambdas/config/read-channel.ts";
import type { Report } from "../../lambdas/config/report.ts";
import type { Pace } from "../clock/pace.ts";
import type { Template } from "../engine/intrinsics.ts";
import { account, region, type World } from "../world.ts";
import type { EmulatedPark } from "../world/emulated-park.ts";
import { bundleTag } from "../world/machines.ts";
import type { AppliedPublishing } from "./apply.ts";
import { type VariantName, variantNames, type Variants } from "./build-variants.ts";
import { type createOperator, openPublisherDesk, PublisherDied } from "./people.ts";

/** The pool to which everything is published. */
export const pool = "workers";

const minute = 60_000;
/** How often a person tries something that fails, each minute. */
const tries = 5;
/** Within which a machine has to be up, or to have given up: what user data allows, and what Auto Scaling takes. */
const bootPatience = 20 * minute;

/** What all parts of one rehearsal work with. */
export interface Rehearsal {
  readonly world: World;
  readonly park: EmulatedPark;
  readonly template: Template;
  readonly variants: Variants;
  readonly group: string;
  readonly say: (line: string) => void;
  readonly faults: AppliedPublishing;
  readonly operator: ReturnType<typeof createOperator>;
  /** By instance: in which part it was launched. */
  readonly waves: Map<string, string>;
}

const nameOf = ({ variants }: Rehearsal, sha256: string | undefined): string =>
  variantNames.find((name) => variants[name].built.manifest.sha256 === sha256) ??
  sha256?.slice(0, 12) ??
  "nothing";

/** One attempt of a person to publish, from a process of its own. */
const publishOnce = async (
  { world, template, variants, faults }: Rehearsal,
  who: string,
  name: VariantName,
  promote: boolean,
): Promise<Published> => {
  const desk = await openPublisherDesk(world, template, who, faults.takeMishap());
  return publishBundle(desk, variants[name].built, [], {
    pool,
    promote,
    mover: { who, now: world.clock.now(), revision: name },
  });
};

const tellError = (error: unknown): string => {
  if (error instanceof PublisherDied) return "died in the middle of it";
  const { name, message } = error as Error;
  return error instanceof PublishingRefused ? `was refused: ${message}` : `failed: ${name}`;
};

/** A person publishes, and tries again for some minutes when that fails. */
export const publish = async (
  here: Rehearsal,
  who: string,
  name: VariantName,
  { promote = false, most = tries }: { readonly promote?: boolean; readonly most?: number } = {},
): Promise<void> => {
  const { say, world } = here;
  for (let attempt = 1; attempt <= most; attempt += 1) {
    try {
      const { step, channel, why } = await publishOnce(here, who, name, promote);
      const what = step ? `${step.move} (serial ${step.serial})` : (why ?? "nothing moved");
      say(
        `${who} publishes the ${name} bundle: ${what}, current ${nameOf(here, channel?.current)}`,
      );
      return;
    } catch (error) {
      say(`${who} publishes the ${name} bundle and ${tellError(error)}`);
      if (attempt < most) await world.clock.sleep(minute);
    }
  }
};

/** What a function has to say in the cause of a failed execution: without its stack. */
const messageOf = (cause = ""): string => {
  try {
    return (JSON.parse(cause) as { readonly errorMessage?: string }).errorMessage ?? cause;
  } catch {
    return cause;
  }
};

/** A person moves the channel by the state machine. */
export const move = async (
  here: Rehearsal,
  who: string,
  action: "promote" | "rollback",
  bundle: string,
): Promise<void> => {
  const { operator, say, world } = here;
  const name = nameOf(here, bundle);
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const { status, cause } = await operator.order({ action, pool, bundle, by: who });
    const isDone = status === "SUCCEEDED";
    say(
      `${who} starts publish-bundle: ${action} the ${name} bundle: ${isDone ? "done" : `failed: ${messageOf(cause)}`}`,
    );
    if (isDone) return;
    await world.clock.sleep(minute);
  }
};

/** The channel as somebody reads it who may; undefined when that cannot be. */
export const look = async ({ world, template }: Rehearsal): Promise<Channel | undefined> => {
  try {
    const desk = await openPublisherDesk(world, template, "viewer");
    return (await readChannel(desk, pool))?.channel;
  } catch {
    return undefined;
  }
};

const isSettled = ({ world, park }: Rehearsal, instanceId: string): boolean => {
  const fact = world.machines.facts().find((each) => each.instanceId === instanceId);
  if (fact?.report === undefined) return false;
  return fact.report.state === "failed" || park.nomad.truth.node(instanceId)?.Status === "ready";
};

/** What a machine has come to, in a person's words. */
const tellReport = (here: Rehearsal, report: Report | undefined): string => {
  if (report === undefined) return "is not up yet";
  if (report.bundle === undefined) return `does not come up: ${report.reason}`;
  const name = nameOf(here, report.bundle);
  return report.state === "ready"
    ? `runs the ${name} bundle`
    : `keeps the ${name} bundle: ${report.reason}`;
};

/**
 * More machines boot.
 *
 * @param tag - which bundle they are assigned; set as soon as there is an instance, as a launch hook does
 */
export const launch = async (
  here: Rehearsal,
  pace: Pace,
  label: string,
  count: number,
  tag?: string,
): Promise<void> => {
  const { world, group, waves, say } = here;
  const members = () => world.autoScaling.instances(group).map(({ id }) => id);
  const before = new Set(members());
  const launched = () => members().filter((id) => !before.has(id));
  world.autoScaling.scaleTo(group, before.size + count);
  say(`${count} ${count === 1 ? "machine starts" : "machines start"}: ${label}`);
  if (!(await pace.until(() => launched().length === count, 10 * minute)))
    throw new Error("the instances did not start");
  for (const id of launched()) {
    waves.set(id, label);
    if (tag !== undefined)
      world.tags.put(`arn:aws:ec2:${region}:${account}:instance/${id}`, bundleTag, tag);
  }
  await pace.until(() => launched().every((id) => isSettled(here, id)), bootPatience);
  for (const { instanceId, report } of world.machines.facts()) {
    if (launched().includes(instanceId)) say(`${instanceId} ${tellReport(here, report)}`);
  }
};

/** A machine follows its channel, as one does whose bundle has it in its crontab. */
export const followChannel = async (here: Rehearsal, label: string): Promise<void> => {
  const { world, park, waves, say } = here;
  for (const { instanceId, installations } of world.machines.facts()) {
    if (waves.get(instanceId) !== label || installations.length === 0) continue;
    const meta = await world.machines.look(instanceId);
    if (meta) park.restartAgent(instanceId, meta);
    const now = world.machines.facts().find((each) => each.instanceId === instanceId);
    say(`${instanceId} looks again, and ${tellReport(here, now?.report)}`);
  }
};
