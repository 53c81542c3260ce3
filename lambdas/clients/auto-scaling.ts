import {
  AutoScalingClient,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeLifecycleHooksCommand,
  DescribeTagsCommand,
  RecordLifecycleActionHeartbeatCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import type { Surroundings } from "../runtime/surroundings.ts";
import { awsClientOptions } from "./aws.ts";

/** One lifecycle action of one instance: by its token, or by whatever waits there. */
export interface LifecycleAction {
  readonly group: string;
  readonly hook: string;
  readonly instanceId: string;
  readonly token?: string | undefined;
}

export interface TerminationHook {
  readonly name: string;
  /** Seconds. */
  readonly heartbeatSeconds: number;
  /** Seconds from the start of an action until Auto Scaling decides, whatever heartbeats it gets. */
  readonly globalSeconds: number;
}

export interface GroupInstance {
  readonly group: string;
  /** `InService`, `Terminating:Wait`, `Terminating:Retained`, … */
  readonly lifecycleState: string;
}

export interface AutoScaling {
  /** Undefined when no group has it: terminated, or never in one. */
  describeInstance(instanceId: string): Promise<GroupInstance | undefined>;
  groupTags(group: string): Promise<ReadonlyMap<string, string>>;
  terminationHooks(group: string): Promise<TerminationHook[]>;
  /** @returns whether the action was still waiting */
  heartbeat(action: LifecycleAction): Promise<boolean>;
  /**
   * @returns whether the action was still waiting; also true when it is over by now and an
   *   earlier try, whose answer was lost, has most probably ended it
   */
  complete(action: LifecycleAction, result: "CONTINUE" | "ABANDON"): Promise<boolean>;
  /**
   * With a decrement it is asked once: whoever gets an error looks whether it was done.
   *
   * @returns false when the group would have to get smaller than its minimum
   */
  terminate(instanceId: string, decrement: boolean): Promise<boolean>;
}

/**
 * Completing or prolonging an action that is over is a ValidationError like any
 * other: only the message tells it apart (aws.md). With its group, deleted by
 * force, an action is over too.
 */
const isOver = (error: unknown) =>
  error instanceof Error &&
  /No active Lifecycle Action found|AutoScalingGroup name not found/i.test(error.message);

const isWaiting = async (call: Promise<unknown>): Promise<boolean> => {
  try {
    await call;
    return true;
  } catch (error) {
    if (isOver(error)) return false;
    throw error;
  }
};

/** Whether an answer says that nothing was done: throttled, refused, not there. */
const isRefusal = (error: unknown): boolean => {
  const { $metadata } = (error ?? {}) as { readonly $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode ?? 0;
  return status >= 400 && status < 500;
};

const parameters = (action: LifecycleAction) => ({
  AutoScalingGroupName: action.group,
  LifecycleHookName: action.hook,
  InstanceId: action.instanceId,
  ...(action.token && { LifecycleActionToken: action.token }),
});

const hours48 = 48 * 3600;

export const autoScalingClient = (surroundings: Surroundings): AutoScaling => {
  const client = new AutoScalingClient(awsClientOptions(surroundings));
  // A group gets smaller once more with every request to end an instance in its place, also
  // one that is ending already (kubernetes/autoscaler#4095). When an answer is lost, the
  // SDK must not repeat the question: the caller looks first.
  const once = new AutoScalingClient({ ...awsClientOptions(surroundings), maxAttempts: 1 });
  return {
    async describeInstance(instanceId) {
      const { AutoScalingInstances } = await client.send(
        new DescribeAutoScalingInstancesCommand({ InstanceIds: [instanceId] }),
      );
      const found = AutoScalingInstances?.[0];
      return (
        found && {
          group: found.AutoScalingGroupName ?? "",
          lifecycleState: found.LifecycleState ?? "",
        }
      );
    },
    async groupTags(group) {
      const { Tags } = await client.send(
        new DescribeTagsCommand({ Filters: [{ Name: "auto-scaling-group", Values: [group] }] }),
      );
      return new Map((Tags ?? []).map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
    },
    async terminationHooks(group) {
      const { LifecycleHooks } = await client.send(
        new DescribeLifecycleHooksCommand({ AutoScalingGroupName: group }),
      );
      return (LifecycleHooks ?? [])
        .filter((hook) => hook.LifecycleTransition === "autoscaling:EC2_INSTANCE_TERMINATING")
        .map((hook) => {
          const heartbeatSeconds = hook.HeartbeatTimeout ?? 3600;
          return {
            name: hook.LifecycleHookName ?? "",
            heartbeatSeconds,
            globalSeconds: hook.GlobalTimeout ?? Math.min(hours48, 100 * heartbeatSeconds),
          };
        });
    },
    heartbeat: (action) =>
      isWaiting(client.send(new RecordLifecycleActionHeartbeatCommand(parameters(action)))),
    async complete(action, result) {
      const command = new CompleteLifecycleActionCommand({
        ...parameters(action),
        LifecycleActionResult: result,
      });
      // The SDK repeats the question, and says only what came of its last try.
      let isDoubtful = false;
      command.middlewareStack.add(
        (next) => async (args) => {
          try {
            return await next(args);
          } catch (error) {
            isDoubtful ||= !isRefusal(error);
            throw error;
          }
        },
        { step: "finalizeRequest", priority: "low", name: "noteLostAnswers" },
      );
      return (await isWaiting(client.send(command))) || isDoubtful;
    },
    async terminate(instanceId, decrement) {
      try {
        await (decrement ? once : client).send(
          new TerminateInstanceInAutoScalingGroupCommand({
            InstanceId: instanceId,
            ShouldDecrementDesiredCapacity: decrement,
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof Error && /min size constraint/i.test(error.message)) return false;
        throw error;
      }
    },
  };
};
