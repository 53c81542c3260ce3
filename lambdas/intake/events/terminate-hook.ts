import * as v from "valibot";
import { InputRefused } from "../../runtime/errors.ts";
import { describeIssues } from "../../runtime/settings.ts";
import type { Parser } from "../events.ts";

/**
 * "EC2 Instance-terminate Lifecycle Action" (Amazon EC2 Auto Scaling User Guide,
 * "Auto Scaling event reference"). `Destination` says where the instance goes:
 * into a warm pool is no termination, yet the hook waits all the same.
 */
const detail = v.object({
  LifecycleActionToken: v.string(),
  AutoScalingGroupName: v.string(),
  LifecycleHookName: v.string(),
  EC2InstanceId: v.string(),
  LifecycleTransition: v.literal("autoscaling:EC2_INSTANCE_TERMINATING"),
  Origin: v.optional(v.string()),
  Destination: v.optional(v.string()),
});

export const parseTerminateHook: Parser = (event) => {
  // Sent once when a hook is made, to try the way out.
  if ((event.detail as { Event?: unknown } | null)?.Event === "autoscaling:TEST_NOTIFICATION") {
    return { dropped: "a test notification" };
  }
  const parsed = v.safeParse(detail, event.detail);
  if (!parsed.success) {
    throw new InputRefused(
      `event ${event.id} is not as AWS documents it: ${describeIssues(parsed.issues)}`,
    );
  }
  const hook = parsed.output;
  const isForWarmPool = hook.Destination === "WarmPool";
  return {
    instanceId: hook.EC2InstanceId,
    group: hook.AutoScalingGroupName,
    reason: isForWarmPool ? "goes into the warm pool" : "the group terminates it",
    since: new Date(event.time).toISOString(),
    destination: isForWarmPool ? "warm pool" : "terminated",
    hook: { name: hook.LifecycleHookName, token: hook.LifecycleActionToken },
  };
};
