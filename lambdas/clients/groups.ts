import {
  AutoScalingClient,
  DescribeInstanceRefreshesCommand,
  DescribeLifecycleHooksCommand,
  paginateDescribeAutoScalingGroups,
} from "@aws-sdk/client-auto-scaling";
import type { Surroundings } from "../runtime/surroundings.ts";
import { awsClientOptions } from "./aws.ts";

/** An Auto Scaling group as a whole. */
export interface Group {
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
  /** Ids of its instances in service; empty where they were not asked for. */
  readonly inService: readonly string[];
  /** Whether it keeps an instance whose termination hook is abandoned. */
  readonly retainsAbandoned: boolean;
  /** Processes that somebody has suspended, such as `Terminate`. */
  readonly suspended: readonly string[];
}

/** A lifecycle hook of either transition. */
export interface GroupHook {
  readonly name: string;
  readonly transition: "launching" | "terminating";
  readonly defaultResult: string;
  /** Seconds. */
  readonly heartbeatSeconds: number;
}

/** Groups as the checks see them: listed, and never changed. */
export interface Groups {
  /** Those with the tag, with their instances. */
  tagged(key: string, value: string): Promise<Group[]>;
  /** Every group of the account and region, without instances. */
  all(): Promise<Group[]>;
  hooksOf(group: string): Promise<GroupHook[]>;
  /** The status of an instance refresh that has not ended; undefined without one. */
  refreshUnderWay(group: string): Promise<string | undefined>;
}

/** A refresh in any other state is over. */
const underWay = new Set(["Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"]);

export const groupsClient = (surroundings: Surroundings): Groups => {
  const client = new AutoScalingClient(awsClientOptions(surroundings));
  const list = async (input: {
    readonly IncludeInstances: boolean;
    readonly Filters?: { Name: string; Values: string[] }[];
  }): Promise<Group[]> => {
    const found: Group[] = [];
    for await (const page of paginateDescribeAutoScalingGroups({ client, pageSize: 100 }, input)) {
      for (const group of page.AutoScalingGroups ?? []) {
        found.push({
          name: group.AutoScalingGroupName ?? "",
          tags: new Map((group.Tags ?? []).map((tag) => [tag.Key ?? "", tag.Value ?? ""])),
          inService: (group.Instances ?? [])
            .filter(({ LifecycleState }) => LifecycleState === "InService")
            .map(({ InstanceId }) => InstanceId ?? ""),
          retainsAbandoned:
            group.InstanceLifecyclePolicy?.RetentionTriggers?.TerminateHookAbandon === "retain",
          suspended: (group.SuspendedProcesses ?? []).map(({ ProcessName }) => ProcessName ?? ""),
        });
      }
    }
    return found;
  };
  return {
    tagged: (key, value) =>
      list({ IncludeInstances: true, Filters: [{ Name: `tag:${key}`, Values: [value] }] }),
    all: () => list({ IncludeInstances: false }),
    async hooksOf(group) {
      const { LifecycleHooks } = await client.send(
        new DescribeLifecycleHooksCommand({ AutoScalingGroupName: group }),
      );
      return (LifecycleHooks ?? []).map((hook) => ({
        name: hook.LifecycleHookName ?? "",
        transition:
          hook.LifecycleTransition === "autoscaling:EC2_INSTANCE_TERMINATING"
            ? "terminating"
            : "launching",
        defaultResult: hook.DefaultResult ?? "ABANDON",
        heartbeatSeconds: hook.HeartbeatTimeout ?? 3600,
      }));
    },
    async refreshUnderWay(group) {
      // The latest comes first, and a group has one at a time.
      const { InstanceRefreshes } = await client.send(
        new DescribeInstanceRefreshesCommand({ AutoScalingGroupName: group, MaxRecords: 1 }),
      );
      const status = InstanceRefreshes?.[0]?.Status;
      return status !== undefined && underWay.has(status) ? status : undefined;
    },
  };
};
