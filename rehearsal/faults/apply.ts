import { stateOf } from "../coverage/collect.ts";
import type { MatrixCounts } from "../coverage/matrix.ts";
import type { LambdaFailure } from "../engine/lambda-failure.ts";
import type { FunctionSpec, Subject } from "../engine/containers.ts";
import { type Excuse, isLeaving } from "../invariants/evidence.ts";
import { seededBy } from "../random.ts";
import { createPerson } from "../scenarios/person.ts";
import type { World } from "../world.ts";
import type { EmulatedPark } from "../world/emulated-park.ts";
import { findFault } from "./catalogue.ts";
import type { Occurrence, Schedule, Scene } from "./fault.ts";

/** A fault that struck. */
export interface Strike {
  readonly fault: string;
  /** Milliseconds after the scale-in began. */
  readonly at: number;
  /** For how many milliseconds, where it lasts. */
  readonly lasts?: number;
  /** Whom or what it struck, where that is not all that there is. */
  readonly what?: string;
}

/** A schedule at work in a world. */
export interface Applied {
  /** In the order in which they struck. What was never met is not among them. */
  readonly strikes: readonly Strike[];
  /** What the faults left no way to prevent. */
  readonly excuses: readonly Excuse[];
  /** How often each fault met an execution in each state. */
  readonly met: MatrixCounts["strikes"];
}

/** Resolves when an execution comes to a state. @returns the instance that it handles */
const comesTo = ({ engine }: World, state: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const stop = engine.watch(({ input }, event) => {
      if (event.type !== "StateEntered" || event.state !== state) return;
      stop();
      const { instanceId } = JSON.parse(input) as { readonly instanceId?: string };
      resolve(instanceId);
    });
  });

/**
 * Has a schedule strike a world, from now on.
 *
 * @param world - with emulated machines
 */
export const applySchedule = (world: World, schedule: Schedule): Applied => {
  const beganAt = world.clock.now();
  const strikes: Strike[] = [];
  const excuses: Excuse[] = [];
  const met: MatrixCounts["strikes"] = {};
  const person = createPerson(world);
  const managed = new Set(world.stack.groups.map(({ name }) => name));
  const members = () => world.autoScaling.instances().filter(({ group }) => managed.has(group));

  type Refuse = (spec: FunctionSpec, subject: Subject) => LambdaFailure | undefined;
  const refusals = new Set<Refuse>();
  world.containers.setFaults({
    refuse: (spec, subject) => {
      for (const refuse of refusals) {
        const failure = refuse(spec, subject);
        if (failure !== undefined) return failure;
      }
      return undefined;
    },
  });

  const sceneOf = (occurrence: Occurrence, instanceId: string | undefined): Scene => ({
    world,
    instanceId,
    park: world.park as EmulatedPark,
    person,
    random: seededBy(0, JSON.stringify(occurrence)),
    struck: (what) =>
      void strikes.push({
        fault: occurrence.fault,
        at: world.clock.now() - beganAt,
        ...(occurrence.lasts !== undefined && { lasts: occurrence.lasts }),
        ...(what !== undefined && { what }),
      }),
    met: (subject) => {
      const state = stateOf(world, subject);
      if (state === undefined) return;
      const row = (met[occurrence.fault] ??= {});
      row[state] = (row[state] ?? 0) + 1;
    },
    excuse: (excuse) => void excuses.push(excuse),
    leaving: () =>
      members()
        .filter(isLeaving)
        .map((instance) => ({ instance, at: instance.history.find(isLeaving)?.at ?? 0 }))
        .toSorted((one, other) => one.at - other.at)
        .map(({ instance }) => instance),
    staying: () => members().filter((instance) => !isLeaving(instance)),
    refuseCalls: (refuse) => {
      refusals.add(refuse);
      return () => void refusals.delete(refuse);
    },
  });

  const enter = async (occurrence: Occurrence): Promise<void> => {
    const fault = findFault(occurrence.fault);
    if (occurrence.at > 0) await world.clock.sleep(occurrence.at);
    const instanceId =
      occurrence.state === undefined ? undefined : await comesTo(world, occurrence.state);
    await fault.strike(sceneOf(occurrence, instanceId), occurrence);
  };
  for (const occurrence of schedule) void enter(occurrence);
  return { strikes, excuses, met };
};
