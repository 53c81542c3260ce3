import * as v from "valibot";

import { operation } from "../aws-json.ts";
import type { Operation } from "../aws-json.ts";
import { findGroup, findInstance, flag, integer, invalid, listOf, texts } from "./inputs.ts";
import type { Group, Instance, Process } from "./state.ts";
import { processes } from "./state.ts";
import type { World } from "./transitions.ts";
import { complete, heartbeat, release, terminate } from "./transitions.ts";

const actionFields = {
  LifecycleHookName: v.string(),
  AutoScalingGroupName: v.string(),
  LifecycleActionToken: v.optional(v.string()),
  InstanceId: v.optional(v.string()),
};

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

/** The texts are AWS's, as its users have quoted them. */
const checkDesired = (group: Group, desired: number): void => {
  const problem =
    desired < group.min
      ? `below min value ${group.min}`
      : desired > group.max
        ? `above max value ${group.max}`
        : undefined;
  if (problem !== undefined)
    throw invalid(
      `New SetDesiredCapacity value ${desired} is ${problem} for the AutoScalingGroup.`,
    );
};

const isProcess = (name: string): name is Process => processes.some((process) => process === name);

/** The processes that a call names; none means all. */
const readProcesses = (names: readonly string[]): readonly Process[] => {
  if (names.length === 0) return processes;
  const known = names.filter(isProcess);
  if (known.length < names.length)
    throw invalid(`Process name(s) not found: ${names.filter((name) => !isProcess(name)).join()}`);
  return known;
};

/** Takes an instance out of its group on request. Protection does not matter. */
const terminateOnRequest = (world: World, id: string, decrement: boolean) => {
  const instance = findInstance(world, id);
  const group = findGroup(world, instance.group);
  if (decrement && group.desired <= group.min)
    throw invalid(
      `Currently, desiredSize equals minSize (${group.min}). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.`,
    );
  if (decrement) group.desired -= 1;
  const cause = "an instance was taken out of service in response to a user request";
  if (instance.state === "Terminating:Retained") release(world, instance, cause);
  else terminate(world, instance, cause);
  world.reconsider(group);
  return { Activity: showActivity(group, instance, world.now()) };
};

/**
 * The changing operations.
 *
 * Source: Amazon EC2 Auto Scaling API Reference, by operation.
 *
 * @param caller - access key of the request that is being answered
 */
export const changeOperations = (
  world: World,
  caller: () => string | undefined,
): Record<string, Operation> => ({
  CompleteLifecycleAction: operation(
    v.strictObject({ ...actionFields, LifecycleActionResult: v.picklist(["CONTINUE", "ABANDON"]) }),
    (input) => {
      const call = {
        group: findGroup(world, input.AutoScalingGroupName),
        hook: input.LifecycleHookName,
        token: input.LifecycleActionToken,
        instanceId: input.InstanceId,
        by: caller(),
      };
      complete(world, call, input.LifecycleActionResult);
    },
  ),

  RecordLifecycleActionHeartbeat: operation(v.strictObject(actionFields), (input) => {
    heartbeat(world, {
      group: findGroup(world, input.AutoScalingGroupName),
      hook: input.LifecycleHookName,
      token: input.LifecycleActionToken,
      instanceId: input.InstanceId,
    });
  }),

  TerminateInstanceInAutoScalingGroup: operation(
    v.strictObject({ InstanceId: v.string(), ShouldDecrementDesiredCapacity: flag }),
    (input) => terminateOnRequest(world, input.InstanceId, input.ShouldDecrementDesiredCapacity),
  ),

  SetDesiredCapacity: operation(
    v.strictObject({
      AutoScalingGroupName: v.string(),
      DesiredCapacity: integer,
      HonorCooldown: v.optional(flag),
    }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      checkDesired(group, input.DesiredCapacity);
      group.desired = input.DesiredCapacity;
      world.reconsider(group);
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
        if (each.state !== "InService")
          throw invalid(
            `The instance ${each.id} is not in InService or EnteringStandby or Standby.`,
          );
      for (const each of instances) each.protectedFromScaleIn = input.ProtectedFromScaleIn;
      world.reconsider(group);
    },
  ),

  CreateOrUpdateTags: operation(
    v.strictObject({
      Tags: listOf(
        v.strictObject({
          ResourceId: v.string(),
          ResourceType: v.literal("auto-scaling-group"),
          Key: v.string(),
          Value: v.optional(v.string(), ""),
          PropagateAtLaunch: v.optional(flag, "false"),
        }),
      ),
    }),
    ({ Tags }) => {
      for (const { ResourceId } of Tags)
        if (!world.groups.has(ResourceId))
          throw invalid(`AutoScalingGroup not found - AutoScaling Group ${ResourceId} not found`);
      for (const { ResourceId, Key, Value, PropagateAtLaunch } of Tags)
        findGroup(world, ResourceId).tags.set(Key, {
          key: Key,
          value: Value,
          propagateAtLaunch: PropagateAtLaunch,
        });
    },
  ),

  /**
   * A change of a hook does not touch the actions that wait already. A new
   * hook's default result is ABANDON.
   */
  PutLifecycleHook: operation(
    v.strictObject({
      LifecycleHookName: v.string(),
      AutoScalingGroupName: v.string(),
      LifecycleTransition: v.optional(
        v.picklist(["autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"]),
      ),
      HeartbeatTimeout: v.optional(v.pipe(integer, v.minValue(30), v.maxValue(7200))),
      DefaultResult: v.optional(v.picklist(["CONTINUE", "ABANDON"])),
      NotificationMetadata: v.optional(v.string()),
    }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      const name = input.LifecycleHookName;
      const old = group.hooks.get(name);
      const transition = input.LifecycleTransition ?? old?.transition;
      if (transition === undefined)
        throw invalid("1 validation error detected: Value null at 'lifecycleTransition'");
      group.hooks.set(name, {
        name,
        transition,
        heartbeatTimeout: input.HeartbeatTimeout ?? old?.heartbeatTimeout ?? 3600,
        defaultResult: input.DefaultResult ?? old?.defaultResult ?? "ABANDON",
        notificationMetadata: input.NotificationMetadata ?? old?.notificationMetadata,
      });
    },
  ),

  SuspendProcesses: operation(
    v.strictObject({ AutoScalingGroupName: v.string(), ScalingProcesses: v.optional(texts, []) }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      for (const process of readProcesses(input.ScalingProcesses)) group.suspended.add(process);
    },
  ),

  ResumeProcesses: operation(
    v.strictObject({ AutoScalingGroupName: v.string(), ScalingProcesses: v.optional(texts, []) }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      for (const process of readProcesses(input.ScalingProcesses)) group.suspended.delete(process);
      world.reconsider(group);
    },
  ),
});
