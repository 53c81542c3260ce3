import type { Agenda } from "../../agenda.ts";
import type { Random } from "../../random.ts";
import { between, uuid } from "../../random.ts";
import { AwsError } from "../aws-json.ts";
import type { BusEvent } from "../event-bridge/bus.ts";
import type { Source } from "./events.ts";
import { lifecycleActionEvent, scalingEvent } from "./events.ts";
import { decided, expiryAfter, globalTimeout, hooksFor, isTerminating } from "./rules.ts";
import type {
  Group,
  Instance,
  LifecycleAction,
  LifecycleState,
  Outcome,
  Result,
  Transition,
} from "./state.ts";
import { launching, terminating } from "./state.ts";

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
}

export const defaultDelays: Delays = {
  launch: [5_000, 30_000],
  enter: [500, 3_000],
  leave: [200, 2_000],
  shutDown: [1_000, 30_000],
  forget: [2_000, 30_000],
  react: [500, 5_000],
  notice: [10_000, 60_000],
};

/** What the machines do: a cluster emulator or real agents start and stop there. */
export interface Machines {
  /** The machine gets power. Its boot is its own business. */
  launched(instance: Instance): void | Promise<void>;
  /** The power is off, for whatever reason; once for each instance. */
  terminated(instance: Instance): void | Promise<void>;
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
const later = (world: World, span: keyof Delays, action: () => void): void => {
  world.agenda.after(between(world.random, world.delays[span]), action);
};

const moveTo = (world: World, instance: Instance, state: LifecycleState): void => {
  instance.state = state;
  instance.history.push({ state, at: world.now() });
};

const groupOf = (world: World, instance: Instance): Group => {
  const group = world.groups.get(instance.group);
  if (group === undefined) throw new Error(`the group ${instance.group} is gone`);
  return group;
};

/** An instance has been launched: its machine starts, then its launch hooks begin. */
export const begin = (world: World, instance: Instance): void => {
  void world.machines.launched(instance);
  later(world, "launch", () => {
    if (instance.state === "Pending") hold(world, instance, launching);
  });
};

/** Starts the hooks of a transition; without any the instance goes on at once. */
const hold = (world: World, instance: Instance, transition: Transition): void => {
  const group = groupOf(world, instance);
  const hooks = hooksFor(group, transition);
  if (hooks.length === 0) {
    goOn(world, instance, transition, "CONTINUE");
    return;
  }
  moveTo(world, instance, transition === launching ? "Pending:Wait" : "Terminating:Wait");
  for (const hook of hooks) {
    const startedAt = world.now();
    const limitAt = startedAt + globalTimeout(hook.heartbeatTimeout) * 1000;
    const action: LifecycleAction = {
      token: uuid(world.random),
      hook,
      instanceId: instance.id,
      startedAt,
      heartbeats: [],
      expiresAt: expiryAfter({ hook, limitAt }, startedAt),
      limitAt,
    };
    instance.actions.push(action);
    watchExpiry(world, instance, action);
    world.publish(lifecycleActionEvent(world.source, group, action));
  }
};

const watchExpiry = (world: World, instance: Instance, action: LifecycleAction): void => {
  world.agenda.at(action.expiresAt, () => {
    if (action.outcome !== undefined) return;
    if (world.now() < action.expiresAt) watchExpiry(world, instance, action);
    else
      decide(world, instance, action, {
        result: action.hook.defaultResult,
        how: action.expiresAt === action.limitAt ? "limit" : "expired",
        at: world.now(),
      });
  });
};

const decide = (
  world: World,
  instance: Instance,
  action: LifecycleAction,
  outcome: Outcome,
): void => {
  if (action.outcome !== undefined) throw new Error(`${action.token} was decided before`);
  action.outcome = outcome;
  const { transition } = action.hook;
  const together = instance.actions.filter(
    (each) => each.hook.transition === transition && each.startedAt === action.startedAt,
  );
  const result = decided(together);
  if (result === undefined) return;
  cancel(world, together, result);
  if (transition === launching && result === "ABANDON")
    world.publish(
      scalingEvent(
        world.source,
        groupOf(world, instance),
        instance,
        "Launch",
        `Instance failed to complete user's Lifecycle Action: Lifecycle Action with token ${action.token} was abandoned: Lifecycle Action Completed with ABANDON Result`,
      ),
    );
  goOn(world, instance, transition, result);
};

const cancel = (world: World, actions: readonly LifecycleAction[], result: Result): void => {
  for (const each of actions) each.outcome ??= { result, how: "cancelled", at: world.now() };
};

const goOn = (world: World, instance: Instance, transition: Transition, result: Result): void => {
  if (transition === launching && result === "CONTINUE") enterService(world, instance);
  else if (transition === launching)
    terminate(world, instance, "an instance failed to complete its launch lifecycle action");
  else proceed(world, instance, result);
};

const enterService = (world: World, instance: Instance): void => {
  moveTo(world, instance, "Pending:Proceed");
  later(world, "enter", () => {
    if (instance.state !== "Pending:Proceed") return;
    moveTo(world, instance, "InService");
    const group = groupOf(world, instance);
    world.publish(scalingEvent(world.source, group, instance, "Launch"));
    world.reconsider(group);
  });
};

/**
 * Takes an instance out of its group, through the termination hooks. One whose
 * launch was abandoned passes them too, since it may have joined the cluster;
 * the documentation does not say so, nor the opposite.
 */
export const terminate = (world: World, instance: Instance, cause: string): void => {
  if (isTerminating(instance.state)) return;
  cancel(world, instance.actions, "ABANDON");
  instance.cause = cause;
  instance.activityId = uuid(world.random);
  moveTo(world, instance, "Terminating");
  world.reconsider(groupOf(world, instance));
  later(world, "leave", () => hold(world, instance, terminating));
};

/**
 * Source: Amazon EC2 Auto Scaling User Guide, "Manage retained instances":
 * `Terminating:Proceed` comes before `Terminating:Retained`; "Configure instance
 * retention": only an abandoned action retains, also by a time-out with the
 * default result ABANDON.
 */
const proceed = (world: World, instance: Instance, result: Result): void => {
  moveTo(world, instance, "Terminating:Proceed");
  const group = groupOf(world, instance);
  const isRetained = result === "ABANDON" && group.onAbandon === "retain";
  if (isRetained) {
    moveTo(world, instance, "Terminating:Retained");
    return;
  }
  if (instance.power === "off") later(world, "forget", () => forget(world, instance));
  else
    later(world, "shutDown", () => {
      powerOff(world, instance);
      later(world, "forget", () => forget(world, instance));
    });
};

/** Ends a retained instance; its hooks have had their turn. */
export const release = (world: World, instance: Instance, cause: string): void => {
  instance.cause = cause;
  proceed(world, instance, "CONTINUE");
};

/** Cuts the power, as a reclaim or a call to EC2 does without asking any hook. */
export const powerOff = (world: World, instance: Instance): void => {
  if (instance.power === "off") return;
  instance.power = "off";
  void world.machines.terminated(instance);
};

const forget = (world: World, instance: Instance): void => {
  const group = groupOf(world, instance);
  moveTo(world, instance, "Terminated");
  group.instances.delete(instance.id);
  world.publish(scalingEvent(world.source, group, instance, "Terminate"));
  world.reconsider(group);
};

/**
 * The power went off by itself: a health check sees it after a while and
 * replaces the instance, through its hooks.
 *
 * Source: User Guide, "Health checks for instances in an Auto Scaling group".
 */
export const fail = (world: World, instance: Instance): void => {
  powerOff(world, instance);
  later(world, "notice", () => {
    const group = groupOf(world, instance);
    if (isTerminating(instance.state)) return;
    instance.health = "Unhealthy";
    if (!group.suspended.has("HealthCheck") && !group.suspended.has("ReplaceUnhealthy"))
      terminate(
        world,
        instance,
        "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped",
      );
  });
};

/** The action that a call means, by its token or by its instance. */
const findAction = (
  group: Group,
  hook: string,
  token: string | undefined,
  instanceId: string | undefined,
): { readonly instance: Instance; readonly action: LifecycleAction } => {
  const among =
    instanceId === undefined
      ? [...group.instances.values()]
      : [group.instances.get(instanceId)].filter((each) => each !== undefined);
  for (const instance of among)
    for (const action of instance.actions)
      if (
        action.outcome === undefined &&
        action.hook.name === hook &&
        (token === undefined || action.token === token)
      )
        return { instance, action };
  // AWS names the token when it was given one, else the instance.
  throw new AwsError(
    "ValidationError",
    token === undefined
      ? `No active Lifecycle Action found with instance ID ${instanceId}`
      : `No active Lifecycle Action found with token ${token}`,
  );
};

/** A call about an action. */
export interface ActionCall {
  readonly group: Group;
  readonly hook: string;
  readonly token?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly by?: string | undefined;
}

/** Source: API Reference, CompleteLifecycleAction. */
export const complete = (world: World, call: ActionCall, result: Result): void => {
  const { instance, action } = findAction(call.group, call.hook, call.token, call.instanceId);
  decide(world, instance, action, { result, how: "completed", by: call.by, at: world.now() });
};

/**
 * Restarts the heartbeat's time-out, within the global limit.
 *
 * Source: API Reference, RecordLifecycleActionHeartbeat.
 */
export const heartbeat = (world: World, call: ActionCall): void => {
  const { action } = findAction(call.group, call.hook, call.token, call.instanceId);
  action.heartbeats.push(world.now());
  action.expiresAt = expiryAfter(action, world.now());
};
