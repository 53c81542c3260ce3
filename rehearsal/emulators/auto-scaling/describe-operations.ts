import * as v from "valibot";

import { operation } from "../aws-json.ts";
import type { Operation } from "../aws-json.ts";
import type { Filters } from "./inputs.ts";
import { cutPage, filters, findGroup, flag, invalid, pageFields, texts } from "./inputs.ts";
import { globalTimeout, inPool, isWarm } from "./rules.ts";
import type { Group, Hook, Instance, LaunchTemplate, Tag, WarmPool } from "./state.ts";
import type { World } from "./world.ts";

const showTemplate = ({ id, name, version }: LaunchTemplate) => ({
  LaunchTemplateId: id,
  LaunchTemplateName: name,
  Version: version,
});

const showTag = (group: Group, tag: Tag) => ({
  ResourceId: group.name,
  ResourceType: "auto-scaling-group",
  Key: tag.key,
  Value: tag.value,
  PropagateAtLaunch: tag.propagateAtLaunch,
});

export const showInstance = (instance: Instance) => ({
  InstanceId: instance.id,
  InstanceType: instance.instanceType,
  AvailabilityZone: instance.zone,
  LifecycleState: instance.state,
  HealthStatus: instance.health,
  LaunchTemplate: showTemplate(instance.launchTemplate),
  ProtectedFromScaleIn: instance.protectedFromScaleIn,
});

export const showPool = (pool: WarmPool) => ({
  MinSize: pool.minSize,
  MaxGroupPreparedCapacity: pool.maxPrepared,
  PoolState: pool.state,
  InstanceReusePolicy: { ReuseOnScaleIn: pool.reuseOnScaleIn },
  Status: pool.deleting === true ? "PendingDelete" : undefined,
});

const showGroup = (group: Group, includeInstances: boolean) => ({
  AutoScalingGroupName: group.name,
  AutoScalingGroupARN: group.arn,
  LaunchTemplate: showTemplate(group.launchTemplate),
  MinSize: group.min,
  MaxSize: group.max,
  DesiredCapacity: group.desired,
  DefaultCooldown: 300,
  AvailabilityZones: group.zones,
  HealthCheckType: "EC2",
  HealthCheckGracePeriod: 0,
  ...(includeInstances
    ? {
        Instances: [...group.instances.values()]
          .filter(({ state }) => !isWarm(state))
          .map(showInstance),
      }
    : {}),
  CreatedTime: new Date(group.createdAt),
  SuspendedProcesses: [...group.suspended].map((process) => ({
    ProcessName: process,
    SuspensionReason: "User suspended",
  })),
  VPCZoneIdentifier: group.zones.map((zone) => `subnet-${zone}`).join(","),
  Tags: [...group.tags.values()].map((tag) => showTag(group, tag)),
  TerminationPolicies: ["Default"],
  NewInstancesProtectedFromScaleIn: group.newInstancesProtected,
  WarmPoolConfiguration: group.warmPool && showPool(group.warmPool),
  WarmPoolSize: group.warmPool && inPool(group).length,
  Status: group.deleting === true ? "Delete in progress" : undefined,
  InstanceLifecyclePolicy: { RetentionTriggers: { TerminateHookAbandon: group.onAbandon } },
});

const showHook = (group: Group, hook: Hook) => ({
  LifecycleHookName: hook.name,
  AutoScalingGroupName: group.name,
  LifecycleTransition: hook.transition,
  NotificationMetadata: hook.notificationMetadata,
  HeartbeatTimeout: hook.heartbeatTimeout,
  GlobalTimeout: globalTimeout(hook.heartbeatTimeout),
  DefaultResult: hook.defaultResult,
});

/** Source: API Reference, Filter: `tag-key`, `tag-value` and `tag:<key>`, all of them to hold. */
const groupMatches = (group: Group, wanted: Filters): boolean => {
  const tags = [...group.tags.values()];
  return wanted.every(({ Name, Values }) => {
    if (Name === "tag-key") return tags.some(({ key }) => Values.includes(key));
    if (Name === "tag-value") return tags.some(({ value }) => Values.includes(value));
    if (!Name.startsWith("tag:")) throw invalid(`Filter type ${Name} is not correct`);
    const key = Name.slice("tag:".length);
    return tags.some((tag) => tag.key === key && Values.includes(tag.value));
  });
};

/** Source: API Reference, Filter: `auto-scaling-group`, `key`, `value`, `propagate-at-launch`. */
const tagMatches = (group: Group, tag: Tag, wanted: Filters): boolean =>
  wanted.every(({ Name, Values }) => {
    if (Name === "auto-scaling-group") return Values.includes(group.name);
    if (Name === "key") return Values.includes(tag.key);
    if (Name === "value") return Values.includes(tag.value);
    if (Name === "propagate-at-launch") return Values.includes(String(tag.propagateAtLaunch));
    throw invalid(`Filter type ${Name} is not correct`);
  });

/**
 * The describing operations. Groups and instances that do not exist are left
 * out of an answer, not refused.
 *
 * Source: Amazon EC2 Auto Scaling API Reference, by operation (page sizes too).
 */
export const describeOperations = (world: World): Record<string, Operation> => ({
  DescribeAutoScalingGroups: operation(
    v.strictObject({
      AutoScalingGroupNames: v.optional(texts, []),
      IncludeInstances: v.optional(flag, "true"),
      Filters: v.optional(filters, []),
      ...pageFields,
    }),
    (input) => {
      const named = input.AutoScalingGroupNames;
      const found = [...world.groups.values()]
        .filter(({ name }) => named.length === 0 || named.includes(name))
        .filter((group) => groupMatches(group, input.Filters));
      const { page, NextToken } = cutPage(found, input, { most: 100, usual: 50 });
      return {
        AutoScalingGroups: page.map((group) => showGroup(group, input.IncludeInstances)),
        NextToken,
      };
    },
  ),

  DescribeAutoScalingInstances: operation(
    v.strictObject({ InstanceIds: v.optional(texts, []), ...pageFields }),
    (input) => {
      const all =
        input.InstanceIds.length > 0
          ? input.InstanceIds.flatMap((id) => world.instances.get(id) ?? [])
          : [...world.groups.values()].flatMap((group) => [...group.instances.values()]);
      const found = all.filter(({ state }) => state !== "Terminated" && state !== "Detached");
      const { page, NextToken } = cutPage(found, input, { most: 50, usual: 50 });
      return {
        AutoScalingInstances: page.map((instance) => ({
          ...showInstance(instance),
          AutoScalingGroupName: instance.group,
          // In capitals, unlike in a group: AWS CLI Command Reference,
          // describe-auto-scaling-instances, examples.
          HealthStatus: instance.health.toUpperCase(),
        })),
        NextToken,
      };
    },
  ),

  DescribeLifecycleHooks: operation(
    v.strictObject({
      AutoScalingGroupName: v.string(),
      LifecycleHookNames: v.optional(texts, []),
    }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      const named = input.LifecycleHookNames;
      const hooks = [...group.hooks.values()].filter(
        ({ name }) => named.length === 0 || named.includes(name),
      );
      return { LifecycleHooks: hooks.map((hook) => showHook(group, hook)) };
    },
  ),

  DescribeInstanceRefreshes: operation(
    v.strictObject({
      AutoScalingGroupName: v.string(),
      InstanceRefreshIds: v.optional(texts, []),
      ...pageFields,
    }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      const named = input.InstanceRefreshIds;
      const found = group.refreshes
        .filter(({ id }) => named.length === 0 || named.includes(id))
        .toReversed();
      const { page, NextToken } = cutPage(found, input, { most: 100, usual: 50 });
      return {
        InstanceRefreshes: page.map(({ id, status, startedAt }) => ({
          InstanceRefreshId: id,
          AutoScalingGroupName: group.name,
          Status: status,
          StartTime: new Date(startedAt),
        })),
        NextToken,
      };
    },
  ),

  DescribeTags: operation(
    v.strictObject({ Filters: v.optional(filters, []), ...pageFields }),
    (input) => {
      const found = [...world.groups.values()].flatMap((group) =>
        [...group.tags.values()]
          .filter((tag) => tagMatches(group, tag, input.Filters))
          .map((tag) => showTag(group, tag)),
      );
      const { page, NextToken } = cutPage(found, input, { most: 100, usual: 50 });
      return { Tags: page, NextToken };
    },
  ),
});
