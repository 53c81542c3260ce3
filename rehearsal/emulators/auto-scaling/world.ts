import type { Agenda } from "../../agenda.ts";
import type { Random } from "../../random.ts";
import { between } from "../../random.ts";
import type { BusEvent } from "../event-bridge/bus.ts";
import type { Source } from "./events.ts";
import type { Group, Instance, LifecycleState } from "./state.ts";

/** How long AWS takes for things, as spans of milliseconds. */
export interface Delays {
  /** From the launch until a launch hook begins or the instance is in service. */
  readonly launch: readonly [number, number];
  /** From `Pending:Proceed` to `InService`. */
  readonly enter: readonly [number, number];
  /** From `Terminating` until a termination hook begins. */
  readonly leave: readonly [number, number];
  /** From `Terminating:Proceed` until the power is off. */
  readonly shutDown: readonly [number, number];
  /** From then until the group has forgotten the instance. */
  readonly forget: readonly [number, number];
  /** Until the group looks whether it has as many instances as it should. */
  readonly react: readonly [number, number];
  /** Until a health check sees that the power is off. */
  readonly notice: readonly [number, number];
  /** From `EnteringStandby` or `Detaching` to its end. */
  readonly stepAside: readonly [number, number];
  /** Until zones that are out of balance are noticed. */
  readonly rebalance: readonly [number, number];
}

export const defaultDelays: Delays = {
  launch: [5_000, 30_000],
  enter: [500, 3_000],
  leave: [200, 2_000],
  shutDown: [1_000, 30_000],
  forget: [2_000, 30_000],
  react: [500, 5_000],
  notice: [10_000, 60_000],
  stepAside: [500, 5_000],
  rebalance: [30_000, 180_000],
};

/** What the machines do: a cluster emulator or real agents start and stop there. */
export interface Machines {
  /** The machine gets power. Its boot is its own business. */
  launched(instance: Instance): void | Promise<void>;
  /** The power is off for good, for whatever reason; once for each instance. */
  terminated(instance: Instance): void | Promise<void>;
  /** The machine goes into a warm pool and is stopped: it keeps its disks. */
  stopped?(instance: Instance): void | Promise<void>;
  /** The machine comes out of a warm pool and boots again. */
  started?(instance: Instance): void | Promise<void>;
}

/** What the transitions work on and with. */
export interface World {
  readonly agenda: Agenda;
  readonly now: () => number;
  readonly random: Random;
  readonly publish: (event: BusEvent) => void;
  readonly machines: Machines;
  readonly delays: Delays;
  readonly source: Source;
  /** Every instance there has been, also those that are gone. */
  readonly instances: Map<string, Instance>;
  readonly groups: Map<string, Group>;
  /** Called when a group may have too many or too few instances. */
  readonly reconsider: (group: Group) => void;
}

/** Enters something on the agenda after a span of the world's delays. */
export const later = (world: World, span: keyof Delays, action: () => void): void => {
  world.agenda.after(between(world.random, world.delays[span]), action);
};

export const moveTo = (world: World, instance: Instance, state: LifecycleState): void => {
  instance.state = state;
  instance.history.push({ state, at: world.now() });
};

export const groupOf = (world: World, instance: Instance): Group => {
  const group = world.groups.get(instance.group);
  if (group === undefined) throw new Error(`the group ${instance.group} is gone`);
  return group;
};
