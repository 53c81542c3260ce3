import * as v from "valibot";

import { operation } from "../aws-json.ts";
import type { Operation } from "../aws-json.ts";
import { complete, heartbeat } from "./actions.ts";
import { checkHeartbeat, findGroup, integer, invalid } from "./inputs.ts";
import { launching } from "./state.ts";
import type { World } from "./world.ts";

const actionFields = {
  LifecycleHookName: v.string(),
  AutoScalingGroupName: v.string(),
  LifecycleActionToken: v.optional(v.string()),
  InstanceId: v.optional(v.string()),
};

/**
 * Hooks and the actions that they hold.
 *
 * Source: Amazon EC2 Auto Scaling API Reference, by operation.
 *
 * @param caller - access key of the request that is being answered
 */
export const lifecycleOperations = (
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

  /** What waits is completed first. */
  DeleteLifecycleHook: operation(
    v.strictObject({ LifecycleHookName: v.string(), AutoScalingGroupName: v.string() }),
    (input) => {
      const group = findGroup(world, input.AutoScalingGroupName);
      const name = input.LifecycleHookName;
      const hook = group.hooks.get(name);
      if (hook === undefined)
        throw invalid(`No Lifecycle Hook found with name ${name} in group ${group.name}`);
      group.hooks.delete(name);
      const result = hook.transition === launching ? "ABANDON" : "CONTINUE";
      for (const instance of group.instances.values())
        for (const action of instance.actions)
          if (action.outcome === undefined && action.hook.name === name)
            complete(world, { group, hook: name, token: action.token }, result);
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
      HeartbeatTimeout: v.optional(integer),
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
        heartbeatTimeout: checkHeartbeat(input.HeartbeatTimeout ?? old?.heartbeatTimeout ?? 3600),
        defaultResult: input.DefaultResult ?? old?.defaultResult ?? "ABANDON",
        notificationMetadata: input.NotificationMetadata ?? old?.notificationMetadata,
      });
    },
  ),
});
