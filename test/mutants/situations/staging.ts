import { chooseForScaleIn } from "../../../rehearsal/emulators/auto-scaling/rules.ts";
import type { Hook, Instance } from "../../../rehearsal/emulators/auto-scaling/state.ts";
import type { Nomad } from "../../../rehearsal/emulators/nomad/create-nomad.ts";
import type { JobSpec } from "../../../rehearsal/emulators/nomad/job-spec.ts";
import type { Excuse } from "../../../rehearsal/invariants/evidence.ts";
import type { ScaleInOptions } from "../../../rehearsal/scenarios/scale-in.ts";
import type { EmulatedPark } from "../../../rehearsal/world/emulated-park.ts";
import { answerWith } from "../../../rehearsal/wire.ts";
import type { Answer } from "../../../rehearsal/world/ledger.ts";
import type { World } from "../../../rehearsal/world.ts";

/** What happens in a rehearsal in which something wrong would show. */
export type Situation = Omit<ScaleInOptions, "seed" | "handlers" | "progress">;

/** Made anew for each rehearsal. */
export type Situations = Readonly<Record<string, () => Situation>>;

/** Milliseconds. */
export const second = 1000;
export const minute = 60 * second;

/** A small pool, of which half leaves. */
export const few = { nodes: 4, terminate: 2, jobs: 8 } as const;
/** One instance leaves. */
export const one = { ...few, terminate: 1 } as const;

export const parkOf = (world: World) => world.park as EmulatedPark;
export const nomadOf = (world: World): Nomad => parkOf(world).nomad;

const groupOf = (world: World) => {
  const [group] = world.stack.groups;
  if (group === undefined) throw new Error("the template has no group");
  return world.autoScaling.group(group.name);
};

/** The instances that a scale-in will take, and those that it will not. */
export const leaving = (world: World, terminate: number): Instance[] =>
  chooseForScaleIn(groupOf(world), terminate);
export const staying = (world: World, terminate: number): Instance[] => {
  const chosen = leaving(world, terminate);
  return [...groupOf(world).instances.values()].filter((each) => !chosen.includes(each));
};

/** The first of several that have to be there. */
export const first = <Thing>([thing]: readonly Thing[]): Thing => {
  if (thing === undefined) throw new Error("there is none");
  return thing;
};

/** Does something once a span is over. */
export const later = (world: World, milliseconds: number, act: () => void | Promise<void>): void =>
  void world.clock.sleep(milliseconds).then(act);

/** Does something once something is so, which is looked at again and again. */
export const once = (
  world: World,
  holds: () => boolean,
  act: () => void | Promise<void>,
  everyMilliseconds = second,
): void => {
  const watch = async () => {
    while (!holds()) await world.clock.sleep(everyMilliseconds);
    await act();
  };
  void watch();
};

/** Lets something be wrong for a while. */
export const forAWhile = (
  world: World,
  span: { readonly from?: number; readonly for: number },
  begin: () => void,
  end: () => void,
): void =>
  later(world, span.from ?? 0, async () => {
    begin();
    await world.clock.sleep(span.for);
    end();
  });

/** How many writes of Drover's Nomad has taken of a kind. */
export const writesOfDrover = (world: World, call: "drain" | "eligibility" | "purge") => {
  const { chronicle } = parkOf(world);
  return (chronicle?.writes ?? []).filter(
    (write) => write.call === call && write.accessor === chronicle?.droverAccessor,
  );
};

/** Whether an execution that is about an instance has come to a state. */
export const hasEntered = ({ engine }: World, instanceId: string, state: string): boolean =>
  [...engine.runs.values()].some(
    ({ input, events }) =>
      (JSON.parse(input) as { readonly instanceId?: unknown }).instanceId === instanceId &&
      events.some((event) => event.type === "StateEntered" && event.state === state),
  );

/** Gives our hook a heartbeat time-out in seconds; its limit is a hundred times that. */
export const setHeartbeat = (world: World, heartbeatTimeout: number): void => {
  const { hooks } = groupOf(world);
  const hook: Hook | undefined = [...hooks.values()].find(({ name }) => name.endsWith("/retire"));
  if (hook) hooks.set(hook.name, { ...hook, heartbeatTimeout });
};

/** Has the group keep an instance whose hook is abandoned. */
export const setRetention = (world: World): void => void (groupOf(world).onAbandon = "retain");

export const excuse = (
  instances: readonly Pick<Instance, "id">[],
  invariants: readonly string[],
  why: string,
): Excuse[] =>
  instances.flatMap(({ id }) =>
    invariants.map((invariant) => ({ invariant, instanceId: id, why })),
  );

/** Runs a job beside the usual ones, and lets it get going. */
export const beside =
  (job: JobSpec, volume?: { readonly id: string; readonly releaseSeconds: number }) =>
  async (world: World): Promise<void> => {
    const nomad = nomadOf(world);
    if (volume) nomad.addVolume(volume.id, volume);
    nomad.runJob(job);
    await world.clock.sleep(30 * second);
  };

/** On every machine of a small pool a service that takes its time to stop. */
export const slow: JobSpec = {
  id: "slow",
  distinctHosts: true,
  groups: [{ count: 4, size: 0, tasks: [{ stopSeconds: 100, killTimeoutSeconds: 110 }] }],
};

/** On every machine what ships its logs, and takes nearly all its time to stop. */
export const slowShipper: JobSpec = {
  id: "shipper",
  type: "system",
  groups: [{ tasks: [{ stopSeconds: 58, killTimeoutSeconds: 59 }] }],
};

/** What Nomad's servers answer to an address that has all of its connections open. */
export const tooManyConnections = (): Answer => ({
  response: answerWith(
    429,
    "Your IP is issuing too many concurrent connections, please rate limit your calls\n",
  ),
});
