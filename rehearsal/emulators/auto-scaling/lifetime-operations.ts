import * as v from "valibot";

import { AwsError, operation } from "../aws-json.ts";
import type { Operation } from "../aws-json.ts";
import { createGroup } from "./create-group.ts";
import {
  checkHeartbeat,
  findGroup,
  flag,
  integer,
  invalid,
  launchTemplate,
  listOf,
} from "./inputs.ts";
import { isTerminating } from "./rules.ts";
import type { Group } from "./state.ts";
import { endByForce } from "./transitions.ts";
import type { World } from "./world.ts";

const hookSpecification = v.strictObject({
  LifecycleHookName: v.string(),
  LifecycleTransition: v.picklist([
    "autoscaling:EC2_INSTANCE_LAUNCHING",
    "autoscaling:EC2_INSTANCE_TERMINATING",
  ]),
  HeartbeatTimeout: v.optional(integer, "3600"),
  DefaultResult: v.optional(v.picklist(["CONTINUE", "ABANDON"]), "ABANDON"),
  NotificationMetadata: v.optional(v.string()),
});

/** Zones by the subnets as they are shown: `subnet-<zone>`. */
const zonesOf = (subnets: string): readonly string[] =>
  subnets.split(",").map((subnet) => subnet.replace(/^subnet-/, ""));

/** The texts are AWS's, as its users have quoted them. */
const refuseDeletion = (group: Group): void => {
  if (group.instances.size === 0) return;
  const isBusy = [...group.instances.values()].some(
    ({ state }) => isTerminating(state) || state.startsWith("Pending"),
  );
  throw isBusy
    ? new AwsError(
        "ScalingActivityInProgress",
        "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.",
      )
    : new AwsError(
        "ResourceInUse",
        "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.",
      );
};

/**
 * Making and deleting groups.
 *
 * Source: Amazon EC2 Auto Scaling API Reference, CreateAutoScalingGroup,
 * DeleteAutoScalingGroup.
 */
export const lifetimeOperations = (world: World): Record<string, Operation> => ({
  CreateAutoScalingGroup: operation(
    v.strictObject({
      AutoScalingGroupName: v.string(),
      LaunchTemplate: launchTemplate,
      MinSize: integer,
      MaxSize: integer,
      DesiredCapacity: v.optional(integer),
      VPCZoneIdentifier: v.string(),
      NewInstancesProtectedFromScaleIn: v.optional(flag, "false"),
      LifecycleHookSpecificationList: v.optional(listOf(hookSpecification), ""),
      InstanceLifecyclePolicy: v.optional(
        v.strictObject({
          RetentionTriggers: v.strictObject({
            TerminateHookAbandon: v.picklist(["retain", "terminate"]),
          }),
        }),
      ),
      Tags: v.optional(
        listOf(
          v.strictObject({
            Key: v.string(),
            Value: v.optional(v.string(), ""),
            PropagateAtLaunch: v.optional(flag, "false"),
          }),
        ),
        "",
      ),
    }),
    (input) => {
      const name = input.AutoScalingGroupName;
      if (world.groups.has(name))
        throw new AwsError(
          "AlreadyExists",
          `AutoScalingGroup by this name already exists - A group with the name ${name} already exists`,
        );
      const desired = input.DesiredCapacity ?? input.MinSize;
      if (desired < input.MinSize || desired > input.MaxSize)
        throw invalid(
          `Desired capacity:${desired} must be between the specified min size:${input.MinSize} and max size:${input.MaxSize}`,
        );
      const { LaunchTemplateId, LaunchTemplateName, Version } = input.LaunchTemplate;
      const group = createGroup(world, {
        name,
        min: input.MinSize,
        max: input.MaxSize,
        desired,
        zones: zonesOf(input.VPCZoneIdentifier),
        launchTemplate: {
          id: LaunchTemplateId ?? "lt-0123456789abcdef0",
          name: LaunchTemplateName ?? name,
          version: Version,
        },
        newInstancesProtected: input.NewInstancesProtectedFromScaleIn,
        onAbandon:
          input.InstanceLifecyclePolicy?.RetentionTriggers.TerminateHookAbandon ?? "terminate",
        hooks: input.LifecycleHookSpecificationList.map((hook) => ({
          name: hook.LifecycleHookName,
          transition: hook.LifecycleTransition,
          heartbeatTimeout: checkHeartbeat(hook.HeartbeatTimeout),
          defaultResult: hook.DefaultResult,
          notificationMetadata: hook.NotificationMetadata,
        })),
      });
      for (const { Key, Value, PropagateAtLaunch } of input.Tags)
        group.tags.set(Key, { key: Key, value: Value, propagateAtLaunch: PropagateAtLaunch });
    },
  ),

  DeleteAutoScalingGroup: operation(
    v.strictObject({ AutoScalingGroupName: v.string(), ForceDelete: v.optional(flag) }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      if (input.ForceDelete !== true) refuseDeletion(group);
      group.deleting = true;
      for (const instance of group.instances.values()) endByForce(world, instance);
      if (group.instances.size === 0) world.groups.delete(group.name);
    },
  ),
});
