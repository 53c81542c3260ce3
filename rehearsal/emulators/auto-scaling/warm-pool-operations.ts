import * as v from "valibot";

import { operation } from "../aws-json.ts";
import type { Operation } from "../aws-json.ts";
import { showInstance, showPool } from "./describe-operations.ts";
import { cutPage, findGroup, flag, integer, pageFields } from "./inputs.ts";
import { isWarm } from "./rules.ts";
import type { Group } from "./state.ts";
import { endByForce } from "./transitions.ts";
import type { World } from "./world.ts";

const warmInstances = (group: Group) =>
  [...group.instances.values()].filter(({ state }) => isWarm(state));

/**
 * Warm pools.
 *
 * Source: Amazon EC2 Auto Scaling API Reference, PutWarmPool, DescribeWarmPool,
 * DeleteWarmPool.
 */
export const warmPoolOperations = (world: World): Record<string, Operation> => ({
  PutWarmPool: operation(
    v.strictObject({
      AutoScalingGroupName: v.string(),
      MaxGroupPreparedCapacity: v.optional(integer),
      MinSize: v.optional(integer),
      PoolState: v.optional(v.picklist(["Stopped", "Running", "Hibernated"])),
      InstanceReusePolicy: v.optional(v.strictObject({ ReuseOnScaleIn: v.optional(flag) })),
    }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      const old = group.warmPool;
      // -1 takes the limit back.
      const given = input.MaxGroupPreparedCapacity ?? old?.maxPrepared;
      group.warmPool = {
        minSize: input.MinSize ?? old?.minSize ?? 0,
        maxPrepared: given === -1 ? undefined : given,
        state: input.PoolState ?? old?.state ?? "Stopped",
        reuseOnScaleIn: input.InstanceReusePolicy?.ReuseOnScaleIn ?? old?.reuseOnScaleIn ?? false,
      };
      world.reconsider(group);
    },
  ),

  DescribeWarmPool: operation(
    v.strictObject({ AutoScalingGroupName: v.string(), ...pageFields }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      const { page, NextToken } = cutPage(warmInstances(group), input, { most: 50, usual: 50 });
      return {
        WarmPoolConfiguration: group.warmPool && showPool(group.warmPool),
        Instances: page.map(showInstance),
        NextToken,
      };
    },
  ),

  DeleteWarmPool: operation(
    v.strictObject({ AutoScalingGroupName: v.string(), ForceDelete: v.optional(flag) }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      if (group.warmPool === undefined) return;
      group.warmPool = { ...group.warmPool, deleting: true };
      if (input.ForceDelete === true)
        for (const instance of warmInstances(group)) endByForce(world, instance);
      world.reconsider(group);
    },
  ),
});
