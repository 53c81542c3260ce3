import { uuid } from "../../random.ts";
import { AwsError } from "../aws-json.ts";
import { lifecycleActionEvent } from "./events.ts";
import { decided, expiryAfter, globalTimeout, hooksFor } from "./rules.ts";
import type { Route } from "./routes.ts";
import type { Group, Instance, LifecycleAction, Outcome, Result } from "./state.ts";
import { groupOf, moveTo } from "./world.ts";
import type { World } from "./world.ts";

/** The actions that hold an instance together, and how it goes on after them. */
const holdings = new WeakMap<
  LifecycleAction,
  { readonly together: readonly LifecycleAction[]; readonly goOn: (result: Result) => void }
>();

/** Starts the hooks of a transition; without any the instance goes on at once. */
export const hold = (
  world: World,
  instance: Instance,
  route: Route,
  goOn: (result: Result) => void,
): void => {
  const group = groupOf(world, instance);
  const hooks = hooksFor(group, route.transition);
  if (hooks.length === 0) {
    goOn("CONTINUE");
    return;
  }
  moveTo(world, instance, route.wait);
  const startedAt = world.now();
  const together = hooks.map((hook): LifecycleAction => {
    const limitAt = startedAt + globalTimeout(hook.heartbeatTimeout) * 1000;
    return {
      token: uuid(world.random),
      hook,
      instanceId: instance.id,
      origin: route.origin,
      destination: route.destination,
      startedAt,
      heartbeats: [],
      expiresAt: expiryAfter({ hook, limitAt }, startedAt),
      limitAt,
    };
  });
  for (const action of together) {
    instance.actions.push(action);
    holdings.set(action, { together, goOn });
    watchExpiry(world, action);
    world.publish(lifecycleActionEvent(world.source, group, action));
  }
};

const watchExpiry = (world: World, action: LifecycleAction): void => {
  world.agenda.at(action.expiresAt, () => {
    if (action.outcome !== undefined) return;
    if (world.now() < action.expiresAt) watchExpiry(world, action);
    else
      decide(world, action, {
        result: action.hook.defaultResult,
        how: action.expiresAt === action.limitAt ? "limit" : "expired",
        at: world.now(),
      });
  });
};

const decide = (world: World, action: LifecycleAction, outcome: Outcome): void => {
  if (action.outcome !== undefined) throw new Error(`${action.token} was decided before`);
  action.outcome = outcome;
  const holding = holdings.get(action);
  const result = holding && decided(holding.together);
  if (holding === undefined || result === undefined) return;
  cancel(world, holding.together, result);
  holding.goOn(result);
};

/** Ends actions without a decision: the instance goes another way. */
export const cancel = (world: World, actions: readonly LifecycleAction[], result: Result): void => {
  for (const each of actions) each.outcome ??= { result, how: "cancelled", at: world.now() };
};

/** A call about an action. */
export interface ActionCall {
  readonly group: Group;
  readonly hook: string;
  readonly token?: string | undefined;
  readonly instanceId?: string | undefined;
  /** Access key of the caller. */
  readonly by?: string | undefined;
}

/** The action that a call means, by its token or by its instance. */
const findAction = ({ group, hook, token, instanceId }: ActionCall): LifecycleAction => {
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
        return action;
  // AWS names the token when it was given one, else the instance.
  throw new AwsError(
    "ValidationError",
    token === undefined
      ? `No active Lifecycle Action found with instance ID ${instanceId}`
      : `No active Lifecycle Action found with token ${token}`,
  );
};

/** Source: API Reference, CompleteLifecycleAction. */
export const complete = (world: World, call: ActionCall, result: Result): void => {
  decide(world, findAction(call), { result, how: "completed", by: call.by, at: world.now() });
};

/**
 * Restarts the heartbeat's time-out, within the global limit.
 *
 * Source: API Reference, RecordLifecycleActionHeartbeat.
 */
export const heartbeat = (world: World, call: ActionCall): void => {
  const action = findAction(call);
  action.heartbeats.push(world.now());
  action.expiresAt = expiryAfter(action, world.now());
};
