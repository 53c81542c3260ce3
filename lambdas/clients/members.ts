import { AutoScalingClient, paginateDescribeAutoScalingGroups } from "@aws-sdk/client-auto-scaling";
import type { Surroundings } from "../runtime/surroundings.ts";
import { awsClientOptions } from "./aws.ts";

/** An instance of a group that carries a tag. */
export interface Member {
  readonly instanceId: string;
  readonly group: string;
  /** The tags of its group. */
  readonly tags: ReadonlyMap<string, string>;
  /** `InService`, `Terminating:Wait`, … */
  readonly lifecycleState: string;
}

export interface Members {
  /** The instances of all groups with the tag, a hundred groups with each call. */
  ofGroupsTagged(key: string, value: string): Promise<Member[]>;
}

export const membersClient = (surroundings: Surroundings): Members => {
  const client = new AutoScalingClient(awsClientOptions(surroundings));
  return {
    async ofGroupsTagged(key, value) {
      const found: Member[] = [];
      const pages = paginateDescribeAutoScalingGroups(
        { client, pageSize: 100 },
        { IncludeInstances: true, Filters: [{ Name: `tag:${key}`, Values: [value] }] },
      );
      for await (const { AutoScalingGroups } of pages) {
        for (const { AutoScalingGroupName: group = "", Tags, Instances } of AutoScalingGroups ??
          []) {
          const tags = new Map((Tags ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""]));
          for (const { InstanceId: instanceId = "", LifecycleState } of Instances ?? []) {
            found.push({ instanceId, group, tags, lifecycleState: LifecycleState ?? "" });
          }
        }
      }
      return found;
    },
  };
};
