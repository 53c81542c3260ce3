import { Stack, Stage, Token } from "aws-cdk-lib";
import type { IAutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import type { IConstruct } from "constructs";
import { ownedGroup } from "./managed-pool.ts";

/**
 * What Drovers of one app may not both claim: the name of a cluster, and a
 * group.
 */
const clusters = new WeakMap<IConstruct, string>();
const pools = new WeakMap<IConstruct, string>();

export const claimCluster = (drover: IConstruct, cluster: string): void => {
  clusters.set(drover, cluster);
};

/** Names follow from the cluster's: two of one name cannot live in one account and region. */
export const otherDrover = (drover: IConstruct, cluster: string): IConstruct | undefined =>
  drover.node.root.node
    .findAll()
    .find((other) => other !== drover && clusters.get(other) === cluster && meets(drover, other));

/** Whether two constructs end up in the same account and region, as far as can be known. */
const meets = (one: IConstruct, other: IConstruct): boolean => {
  const [a, b] = [Stack.of(one), Stack.of(other)];
  if (a.account !== b.account || a.region !== b.region) return false;
  return !Token.isUnresolved(a.account) || Stage.of(one) === Stage.of(other);
};

export const claimGroup = (group: IAutoScalingGroup, pool: string): void => {
  pools.set(ownedGroup(group) ?? group, pool);
};

/**
 * The pool that a group is already, of whichever Drover.
 *
 * @param known - groups of the same Drover: imported ones are the same when their names are
 */
export const poolOf = (
  group: IAutoScalingGroup,
  known: Iterable<readonly [string, IAutoScalingGroup]>,
): string | undefined =>
  pools.get(ownedGroup(group) ?? group) ??
  [...known].find(([, other]) => other.autoScalingGroupName === group.autoScalingGroupName)?.[0];
