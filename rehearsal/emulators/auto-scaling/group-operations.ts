import * as v from "valibot";

import { operation } from "../aws-json.ts";
import type { Operation } from "../aws-json.ts";
import { findGroup, flag, integer, invalid, launchTemplate, listOf, texts } from "./inputs.ts";
import type { Group, Process } from "./state.ts";
import { processes } from "./state.ts";
import { checkHealth } from "./transitions.ts";
import type { World } from "./world.ts";

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

/**
 * What is done to groups.
 *
 * Source: Amazon EC2 Auto Scaling API Reference, by operation.
 */
export const groupOperations = (world: World): Record<string, Operation> => ({
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

  UpdateAutoScalingGroup: operation(
    v.strictObject({
      AutoScalingGroupName: v.string(),
      MinSize: v.optional(integer),
      MaxSize: v.optional(integer),
      DesiredCapacity: v.optional(integer),
      NewInstancesProtectedFromScaleIn: v.optional(flag),
      LaunchTemplate: v.optional(launchTemplate),
    }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      const min = input.MinSize ?? group.min;
      const max = input.MaxSize ?? group.max;
      if (min > max)
        throw invalid("Min bound, " + min + ", must be less than or equal to max bound, " + max);
      // Without a new desired capacity the old one is moved between the new bounds.
      const desired = input.DesiredCapacity ?? Math.min(Math.max(group.desired, min), max);
      if (desired < min || desired > max)
        throw invalid(
          `Desired capacity:${desired} must be between the specified min size:${min} and max size:${max}`,
        );
      Object.assign(group, { min, max, desired });
      group.newInstancesProtected =
        input.NewInstancesProtectedFromScaleIn ?? group.newInstancesProtected;
      if (input.LaunchTemplate)
        group.launchTemplate = {
          id: input.LaunchTemplate.LaunchTemplateId ?? group.launchTemplate.id,
          name: input.LaunchTemplate.LaunchTemplateName ?? group.launchTemplate.name,
          version: input.LaunchTemplate.Version,
        };
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
      // What went down meanwhile is still to be found.
      for (const instance of group.instances.values())
        if (instance.health === "Healthy") checkHealth(world, instance);
      world.reconsider(group);
    },
  ),
});
