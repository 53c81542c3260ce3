import * as v from "valibot";

import { operation } from "../aws-json.ts";
import type { Operation } from "../aws-json.ts";
import { findGroup, findInstance, flag, invalid, texts } from "./inputs.ts";
import type { Group, Instance } from "./state.ts";
import { isRetained, isStandby, isTerminating, isWarm } from "./rules.ts";
import { release, replaceUnhealthy, terminate } from "./transitions.ts";
import type { World } from "./world.ts";

const showActivity = (group: Group, instance: Instance, now: number) => ({
  ActivityId: instance.activityId,
  AutoScalingGroupName: group.name,
  AutoScalingGroupARN: group.arn,
  Description: `Terminating EC2 instance: ${instance.id}`,
  Cause: `At ${new Date(now).toISOString()} ${instance.cause ?? ""}.`,
  StartTime: new Date(now),
  StatusCode: "InProgress",
  Progress: 0,
  Details: JSON.stringify({ "Availability Zone": instance.zone }),
});

/**
 * Takes an instance out of its group on request. Protection does not matter.
 * What a second request does is documented nowhere: as users report it succeeds,
 * and decrements again if it says so (kubernetes/autoscaler#4095).
 */
const terminateOnRequest = (world: World, id: string, decrement: boolean) => {
  const instance = findInstance(world, id);
  const group = findGroup(world, instance.group);
  if (isWarm(instance.state) && !isRetained(instance.state))
    throw invalid(`The instance ${id} is in a warm pool and cannot be terminated by this call.`);
  if (decrement && group.desired <= group.min)
    throw invalid(
      `Currently, desiredSize equals minSize (${group.min}). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.`,
    );
  if (decrement) group.desired -= 1;
  const cause = "an instance was taken out of service in response to a user request";
  if (isRetained(instance.state)) release(world, instance, cause);
  else terminate(world, instance, cause);
  world.reconsider(group);
  return { Activity: showActivity(group, instance, world.now()) };
};

/**
 * What is done to single instances.
 *
 * Source: Amazon EC2 Auto Scaling API Reference, by operation.
 */
export const instanceOperations = (world: World): Record<string, Operation> => ({
  TerminateInstanceInAutoScalingGroup: operation(
    v.strictObject({ InstanceId: v.string(), ShouldDecrementDesiredCapacity: flag }),
    (input) => terminateOnRequest(world, input.InstanceId, input.ShouldDecrementDesiredCapacity),
  ),

  /** A grace period is not emulated: groups have none. */
  SetInstanceHealth: operation(
    v.strictObject({
      InstanceId: v.string(),
      HealthStatus: v.string(),
      ShouldRespectGracePeriod: v.optional(flag),
    }),
    (input) => {
      const instance = findInstance(world, input.InstanceId);
      const health = input.HealthStatus;
      if (health !== "Healthy" && health !== "Unhealthy")
        throw invalid(`Valid instance health states are: [Healthy, Unhealthy].`);
      if (isTerminating(instance.state)) return;
      instance.health = health;
      if (health === "Healthy") return;
      instance.cause = "an instance was taken out of service in response to a user health-check.";
      replaceUnhealthy(world, findGroup(world, instance.group));
    },
  ),

  SetInstanceProtection: operation(
    v.strictObject({
      AutoScalingGroupName: v.string(),
      InstanceIds: texts,
      ProtectedFromScaleIn: flag,
    }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      if (input.InstanceIds.length > 50) throw invalid("At most 50 instance IDs are allowed.");
      const instances = input.InstanceIds.map((id) => {
        const instance = group.instances.get(id);
        if (instance === undefined)
          throw invalid(`The instance ${id} is not part of Auto Scaling group ${group.name}.`);
        return instance;
      });
      for (const each of instances)
        if (each.state !== "InService" && !isStandby(each.state))
          throw invalid(
            `The instance ${each.id} is not in InService or EnteringStandby or Standby.`,
          );
      for (const each of instances) each.protectedFromScaleIn = input.ProtectedFromScaleIn;
      world.reconsider(group);
    },
  ),
});
