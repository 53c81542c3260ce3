import * as v from "valibot";

import { uuid } from "../../random.ts";
import { operation } from "../aws-json.ts";
import type { Operation } from "../aws-json.ts";
import { findGroup, flag, invalid, texts } from "./inputs.ts";
import { isStandby } from "./rules.ts";
import type { Group, Instance } from "./state.ts";
import { checkHealth } from "./transitions.ts";
import { later, moveTo } from "./world.ts";
import type { World } from "./world.ts";

const fields = { AutoScalingGroupName: v.string(), InstanceIds: v.optional(texts, "") };

/** The texts here are AWS's, as its users have quoted them. */
const findAll = (
  group: Group,
  ids: readonly string[],
  fits: (instance: Instance) => boolean,
  states: string,
): readonly Instance[] => {
  const found = ids.map((id) => {
    const instance = group.instances.get(id);
    if (instance === undefined)
      throw invalid(`The instance ${id} is not part of Auto Scaling group ${group.name}.`);
    return instance;
  });
  for (const each of found)
    if (!fits(each)) throw invalid(`The instance ${each.id} is not in ${states}.`);
  return found;
};

const checkSize = (group: Group, count: number, action: string): void => {
  if (group.desired - count >= group.min) return;
  throw invalid(
    `AutoScalingGroup ${group.name} has min-size=${group.min}, max-size=${group.max}, and desired-size=${group.desired}. To ${action} ${count} instance${count === 1 ? "" : "s"}, please update the AutoScalingGroup sizes appropriately.`,
  );
};

const showActivity = (world: World, group: Group, instance: Instance, what: string) => ({
  ActivityId: instance.activityId,
  AutoScalingGroupName: group.name,
  AutoScalingGroupARN: group.arn,
  Description: `${what}: ${instance.id}`,
  Cause: `At ${new Date(world.now()).toISOString()} instance ${instance.id} was moved in response to a user request.`,
  StartTime: new Date(world.now()),
  StatusCode: "InProgress",
  Progress: 50,
  Details: JSON.stringify({ "Availability Zone": instance.zone }),
});

const begin = (world: World, instance: Instance, state: Instance["state"]): void => {
  instance.activityId = uuid(world.random);
  moveTo(world, instance, state);
};

/**
 * Ways out of service that ask no hook.
 *
 * Source: Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling lifecycle
 * hooks", availability (not for detaching and standby); "Temporarily remove
 * instances from your Auto Scaling group"; API Reference, by operation.
 */
export const standbyOperations = (world: World): Record<string, Operation> => ({
  DetachInstances: operation(
    v.strictObject({ ...fields, ShouldDecrementDesiredCapacity: flag }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      const isHere = (each: Instance) => each.state === "InService" || each.state === "Standby";
      const found = findAll(group, input.InstanceIds, isHere, "InService or Standby");
      if (input.ShouldDecrementDesiredCapacity) {
        checkSize(group, found.length, "detach");
        group.desired -= found.length;
      }
      for (const each of found) {
        begin(world, each, "Detaching");
        each.protectedFromScaleIn = false;
        later(world, "stepAside", () => {
          if (each.state !== "Detaching") return;
          moveTo(world, each, "Detached");
          group.instances.delete(each.id);
          world.reconsider(group);
        });
      }
      world.reconsider(group);
      const show = (each: Instance) => showActivity(world, group, each, "Detaching EC2 instance");
      return { Activities: found.map(show) };
    },
  ),

  EnterStandby: operation(
    v.strictObject({ ...fields, ShouldDecrementDesiredCapacity: flag }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      const isHere = (each: Instance) => each.state === "InService";
      const found = findAll(group, input.InstanceIds, isHere, "InService");
      if (input.ShouldDecrementDesiredCapacity) {
        checkSize(group, found.length, "place into standby");
        group.desired -= found.length;
      }
      for (const each of found) {
        begin(world, each, "EnteringStandby");
        later(world, "stepAside", () => {
          if (each.state === "EnteringStandby") moveTo(world, each, "Standby");
        });
      }
      world.reconsider(group);
      const what = "Moving EC2 instance to Standby";
      return { Activities: found.map((each) => showActivity(world, group, each, what)) };
    },
  ),

  /** The desired capacity grows, also if entering did not lower it: then one is too many. */
  ExitStandby: operation(v.strictObject(fields), (input) => {
    const group = findGroup(world, input.AutoScalingGroupName);
    const isHere = ({ state }: Instance) => isStandby(state);
    const found = findAll(group, input.InstanceIds, isHere, "Standby");
    if (group.suspended.has("Launch"))
      throw invalid(`The Launch process of ${group.name} is suspended.`);
    if (group.desired + found.length > group.max)
      throw invalid(
        `AutoScalingGroup ${group.name} has min-size=${group.min}, max-size=${group.max}, and desired-size=${group.desired}. To take out of standby ${found.length} instances, please update the AutoScalingGroup sizes appropriately.`,
      );
    group.desired += found.length;
    for (const each of found) {
      begin(world, each, "Pending");
      later(world, "enter", () => {
        if (each.state !== "Pending") return;
        moveTo(world, each, "InService");
        checkHealth(world, each);
        world.reconsider(group);
      });
    }
    const what = "Moving EC2 instance out of Standby";
    return { Activities: found.map((each) => showActivity(world, group, each, what)) };
  }),
});
