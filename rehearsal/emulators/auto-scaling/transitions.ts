import { uuid } from "../../random.ts";
import { cancel, hold } from "./actions.ts";
import { scalingEvent } from "./events.ts";
import type { Route } from "./routes.ts";
import { routes } from "./routes.ts";
import { isStandby, isTerminating, isWarm } from "./rules.ts";
import type { Group, Instance, LifecycleState, Result } from "./state.ts";
import { groupOf, later, moveTo } from "./world.ts";
import type { World } from "./world.ts";

/** An instance has been launched, into its group or its warm pool: it starts, then its hooks. */
export const begin = (world: World, instance: Instance): void => {
  void world.machines.launched(instance);
  later(world, "launch", () =>
    arrive(world, instance, isWarm(instance.state) ? routes.warmUp : routes.launch),
  );
};

const arrive = (world: World, instance: Instance, route: Route): void => {
  if (instance.state !== route.begin) return;
  hold(world, instance, route, (result) => {
    if (result === "ABANDON") abandonLaunch(world, instance);
    else if (route.destination === "WarmPool") enterPool(world, instance, route);
    else enterService(world, instance, route);
  });
};

const abandonLaunch = (world: World, instance: Instance): void => {
  const token = instance.actions.findLast(({ outcome }) => outcome?.result === "ABANDON")?.token;
  const group = groupOf(world, instance);
  const message = `Instance failed to complete user's Lifecycle Action: Lifecycle Action with token ${token} was abandoned: Lifecycle Action Completed with ABANDON Result`;
  world.publish(scalingEvent(world.source, group, instance, "Launch", message));
  terminate(world, instance, "an instance failed to complete its launch lifecycle action");
};

const enterService = (world: World, instance: Instance, route: Route): void => {
  moveTo(world, instance, route.proceed);
  later(world, "enter", () => {
    if (instance.state !== route.proceed) return;
    moveTo(world, instance, "InService");
    delete instance.extra;
    const group = groupOf(world, instance);
    instance.protectedFromScaleIn = group.newInstancesProtected;
    world.publish(scalingEvent(world.source, group, instance, "Launch"));
    world.reconsider(group);
  });
};

const poolStates = {
  Stopped: "Warmed:Stopped",
  Running: "Warmed:Running",
  Hibernated: "Warmed:Hibernated",
} as const satisfies Record<string, LifecycleState>;

/**
 * Source: Amazon EC2 Auto Scaling User Guide, "Decrease latency for applications
 * with long boot times using warm pools" (states of a pool).
 */
const enterPool = (world: World, instance: Instance, route: Route): void => {
  moveTo(world, instance, route.proceed);
  later(world, "enter", () => {
    if (instance.state !== route.proceed) return;
    const group = groupOf(world, instance);
    const { state } = group.warmPool ?? { state: "Running" };
    moveTo(world, instance, poolStates[state]);
    if (state !== "Running" && instance.power === "on") {
      instance.power = "stopped";
      void world.machines.stopped?.(instance);
    }
    world.reconsider(group);
  });
};

/** Takes an instance out of the warm pool into the group. */
export const leavePool = (world: World, instance: Instance): void => {
  moveTo(world, instance, routes.leavePool.begin);
  instance.activityId = uuid(world.random);
  if (instance.power === "stopped") {
    instance.power = "on";
    void world.machines.started?.(instance);
  }
  later(world, "launch", () => arrive(world, instance, routes.leavePool));
};

/**
 * Takes an instance out of its group, through the termination hooks. One whose
 * launch was abandoned passes them too, since it may have joined the cluster;
 * the documentation does not say so, nor the opposite.
 */
export const terminate = (world: World, instance: Instance, cause: string): void => {
  if (isTerminating(instance.state)) return;
  depart(
    world,
    instance,
    isWarm(instance.state) ? routes.terminateFromPool : routes.terminate,
    cause,
  );
};

/** Scale-in of a group that reuses its instances: back to the warm pool. */
export const returnToPool = (world: World, instance: Instance, cause: string): void =>
  depart(world, instance, routes.returnToPool, cause);

const depart = (world: World, instance: Instance, route: Route, cause: string): void => {
  cancel(world, instance.actions, "ABANDON");
  instance.cause = cause;
  instance.activityId = uuid(world.random);
  moveTo(world, instance, route.begin);
  world.reconsider(groupOf(world, instance));
  later(world, "leave", () => {
    if (instance.state === route.begin)
      hold(world, instance, route, (result) => proceed(world, instance, route, result));
  });
};

const retained = {
  "Terminating:Proceed": "Terminating:Retained",
  "Warmed:Terminating:Proceed": "Warmed:Terminating:Retained",
  "Warmed:Pending:Proceed": "Warmed:Pending:Retained",
} as const satisfies Partial<Record<LifecycleState, LifecycleState>>;

/**
 * Source: Amazon EC2 Auto Scaling User Guide, "Manage retained instances":
 * `Terminating:Proceed` comes before `Terminating:Retained`; "Configure instance
 * retention": only an abandoned action retains, also by a time-out with the
 * default result ABANDON.
 */
const proceed = (world: World, instance: Instance, route: Route, result: Result): void => {
  if (result === "CONTINUE" && route.destination === "WarmPool") {
    enterPool(world, instance, route);
    return;
  }
  moveTo(world, instance, route.proceed);
  if (result === "ABANDON" && groupOf(world, instance).onAbandon === "retain") {
    moveTo(world, instance, retained[route.proceed as keyof typeof retained]);
    return;
  }
  shutDown(world, instance);
};

const shutDown = (world: World, instance: Instance): void => {
  const goOn = () => later(world, "forget", () => forget(world, instance));
  if (instance.power === "off") goOn();
  else
    later(world, "shutDown", () => {
      powerOff(world, instance);
      goOn();
    });
};

/** Ends a retained instance; its hooks have had their turn. */
export const release = (world: World, instance: Instance, cause: string): void => {
  instance.cause = cause;
  proceed(world, instance, routes.terminate, "CONTINUE");
};

/** Cuts the power, as a reclaim or a call to EC2 does without asking any hook. */
const powerOff = (world: World, instance: Instance): void => {
  if (instance.power === "off") return;
  instance.power = "off";
  void world.machines.terminated(instance);
};

const forget = (world: World, instance: Instance): void => {
  if (instance.state === "Terminated") return;
  const group = groupOf(world, instance);
  moveTo(world, instance, "Terminated");
  group.instances.delete(instance.id);
  world.publish(scalingEvent(world.source, group, instance, "Terminate"));
  if (group.deleting === true && group.instances.size === 0) world.groups.delete(group.name);
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
  checkHealth(world, instance);
};

/**
 * The machine hangs: it keeps its power, and a health check replaces it as one
 * that has lost it.
 */
export const impair = (world: World, instance: Instance): void => {
  instance.impaired = true;
  checkHealth(world, instance);
};

/**
 * Has an instance that fails its checks found after a while, unless health is not
 * checked: the process is suspended, or it is on standby.
 *
 * Source: User Guide, "Temporarily remove instances" (no checks on standby) and
 * "How suspended processes affect other processes" (HealthCheck).
 */
export const checkHealth = (world: World, instance: Instance): void => {
  if (instance.power !== "off" && instance.impaired !== true) return;
  later(world, "notice", () => {
    if (isTerminating(instance.state) || isStandby(instance.state)) return;
    const group = groupOf(world, instance);
    if (group.suspended.has("HealthCheck")) return;
    instance.health = "Unhealthy";
    instance.cause =
      instance.power === "off"
        ? "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped"
        : "an instance was taken out of service in response to an EC2 instance status checks failure.";
    replaceUnhealthy(world, group);
  });
};

/**
 * Terminates what is unhealthy, if that is not suspended.
 *
 * Source: User Guide, "How suspended processes affect other processes"
 * (ReplaceUnhealthy, Terminate).
 */
export const replaceUnhealthy = (world: World, group: Group): void => {
  if (group.suspended.has("ReplaceUnhealthy") || group.suspended.has("Terminate")) return;
  for (const instance of group.instances.values())
    if (instance.health === "Unhealthy" && !isStandby(instance.state))
      terminate(world, instance, instance.cause ?? "");
};

/** Ends an instance with its group, which asks no hook. */
export const endByForce = (world: World, instance: Instance): void => {
  if (instance.state === "Terminating:Proceed") return;
  cancel(world, instance.actions, "ABANDON");
  instance.cause = "the Auto Scaling group was deleted by force";
  moveTo(world, instance, "Terminating:Proceed");
  shutDown(world, instance);
};
