import { between, hex, uuid } from "../../random.ts";
import { launchFailureEvent } from "./events.ts";
import {
  capacityOf,
  chooseForScaleIn,
  inPool,
  poolSize,
  readyInPool,
  zonesForLaunch,
  zoneThatLacks,
} from "./rules.ts";
import type { Group, Instance, Process } from "./state.ts";
import { begin, leavePool, replaceUnhealthy, returnToPool, terminate } from "./transitions.ts";
import { later } from "./world.ts";
import type { World } from "./world.ts";

/**
 * Brings a group to its desired capacity: takes what is missing from the warm
 * pool or launches it, ends what is too much (or puts it back into the pool), as
 * far as protection and suspended processes let it; then does the same for the
 * pool.
 *
 * Source: Amazon EC2 Auto Scaling User Guide, "Suspend and resume Amazon EC2 Auto
 * Scaling processes" (Launch, Terminate); "Decrease latency for applications
 * with long boot times using warm pools".
 */
export const balance = (world: World, group: Group): void => {
  if (group.deleting === true) return;
  replaceUnhealthy(world, group);
  const missing = group.desired - capacityOf(group);
  if (missing > 0 && !group.suspended.has("Launch")) grow(world, group, missing);
  if (missing < 0 && !group.suspended.has("Terminate")) shrink(world, group, -missing);
  if (missing === 0) rebalanceZones(world, group);
  if (group.warmPool === undefined) return;
  const pooled = inPool(group).length;
  if (group.warmPool.deleting === true && pooled === 0) group.warmPool = undefined;
  const lacking = poolSize(group) - pooled;
  if (lacking > 0 && !group.suspended.has("Launch"))
    launchAll(world, group, lacking, "Warmed:Pending");
  if (lacking < 0 && !group.suspended.has("Terminate"))
    for (const instance of readyInPool(group).slice(0, -lacking))
      terminate(world, instance, "a warm pool instance was terminated to match the pool's size");
};

const rebalancing: readonly Process[] = ["AZRebalance", "Launch", "Terminate"];

/**
 * Launches what a zone lacks; once that is in service the group has one too many,
 * which the scale-in takes from the zone with the most.
 *
 * Source: User Guide, "Rebalancing activities"; how long it takes is documented
 * nowhere.
 */
const rebalanceZones = (world: World, group: Group): void => {
  const zone = () => {
    const isFree =
      world.groups.get(group.name) === group &&
      group.launchFailure === undefined &&
      !rebalancing.some((process) => group.suspended.has(process)) &&
      capacityOf(group) === group.desired &&
      ![...group.instances.values()].some(
        ({ extra, state }) => extra === true && state.startsWith("Pending"),
      );
    return isFree ? zoneThatLacks(group) : undefined;
  };
  if (zone() === undefined || awaitingRebalance.has(group)) return;
  awaitingRebalance.add(group);
  later(world, "rebalance", () => {
    awaitingRebalance.delete(group);
    const least = zone();
    if (least !== undefined) launch(world, group, least, "Pending", true);
  });
};

const awaitingRebalance = new WeakSet<Group>();

const grow = (world: World, group: Group, missing: number): void => {
  const ready = readyInPool(group).slice(0, missing);
  for (const instance of ready) leavePool(world, instance);
  launchAll(world, group, missing - ready.length, "Pending");
};

const shrink = (world: World, group: Group, surplus: number): void => {
  const cause = `an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity to ${group.desired}`;
  const end = group.warmPool?.reuseOnScaleIn === true ? returnToPool : terminate;
  for (const instance of chooseForScaleIn(group, surplus)) end(world, instance, cause);
};

const launchAll = (
  world: World,
  group: Group,
  count: number,
  state: "Pending" | "Warmed:Pending",
): void => {
  if (count === 0) return;
  if (group.launchFailure !== undefined) failToLaunch(world, group, group.launchFailure);
  else for (const zone of zonesForLaunch(group, count)) launch(world, group, zone, state);
};

/** Says that EC2 has no machine, and tries again later. */
const failToLaunch = (world: World, group: Group, message: string): void => {
  world.publish(launchFailureEvent(world.source, group, message));
  world.agenda.after(retryLaunch, () => world.reconsider(group));
};

/** Milliseconds. */
const retryLaunch = 60_000;

/** Balances a group after a while; asked for again in between, it does so once. */
export const createReconsider = (world: () => World): ((group: Group) => void) => {
  const waiting = new Set<string>();
  return (group) => {
    if (waiting.has(group.name)) return;
    waiting.add(group.name);
    const { agenda, delays, random } = world();
    agenda.after(between(random, delays.react), () => {
      waiting.delete(group.name);
      if (world().groups.get(group.name) === group) balance(world(), group);
    });
  };
};

const launch = (
  world: World,
  group: Group,
  zone: string,
  state: "Pending" | "Warmed:Pending",
  extra = false,
): void => {
  const number = world.instances.size + 1;
  const instance: Instance = {
    id: `i-0${hex(world.random, 16)}`,
    group: group.name,
    zone,
    instanceType: group.instanceType,
    privateIp: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
    launchTemplate: group.launchTemplate,
    launchedAt: world.now(),
    state,
    health: "Healthy",
    protectedFromScaleIn: group.newInstancesProtected,
    power: "on",
    history: [{ state, at: world.now() }],
    actions: [],
    activityId: uuid(world.random),
    ...(extra && { extra }),
  };
  group.instances.set(instance.id, instance);
  world.instances.set(instance.id, instance);
  begin(world, instance);
};
