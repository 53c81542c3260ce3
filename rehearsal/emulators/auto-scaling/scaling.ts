import { between, hex, uuid } from "../../random.ts";
import { launchFailureEvent } from "./events.ts";
import { capacityOf, chooseForScaleIn, zonesForLaunch } from "./rules.ts";
import type { Group, Instance } from "./state.ts";
import type { World } from "./transitions.ts";
import { begin, terminate } from "./transitions.ts";

/**
 * Brings a group to its desired capacity: launches what is missing, ends what is
 * too much, as far as protection and suspended processes let it.
 *
 * Source: Amazon EC2 Auto Scaling User Guide, "Suspend and resume Amazon EC2 Auto
 * Scaling processes" (Launch, Terminate).
 */
export const balance = (world: World, group: Group): void => {
  const missing = group.desired - capacityOf(group);
  if (missing > 0 && !group.suspended.has("Launch") && group.launchFailure !== undefined)
    failToLaunch(world, group, group.launchFailure);
  else if (missing > 0 && !group.suspended.has("Launch"))
    for (const zone of zonesForLaunch(group, missing)) launch(world, group, zone);
  if (missing < 0 && !group.suspended.has("Terminate"))
    for (const instance of chooseForScaleIn(group, -missing))
      terminate(
        world,
        instance,
        `an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity to ${group.desired}`,
      );
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

const launch = (world: World, group: Group, zone: string): Instance => {
  const number = world.instances.size + 1;
  const instance: Instance = {
    id: `i-0${hex(world.random, 16)}`,
    group: group.name,
    zone,
    instanceType: group.instanceType,
    privateIp: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
    launchTemplate: group.launchTemplate,
    launchedAt: world.now(),
    state: "Pending",
    health: "Healthy",
    protectedFromScaleIn: group.newInstancesProtected,
    power: "on",
    history: [{ state: "Pending", at: world.now() }],
    actions: [],
    activityId: uuid(world.random),
  };
  group.instances.set(instance.id, instance);
  world.instances.set(instance.id, instance);
  begin(world, instance);
  return instance;
};
