import { Stack } from "aws-cdk-lib";
import type { CfnAutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import type { IConstruct } from "constructs";

/** What one app publishes to a channel, and whose machines boot from it. */
interface Channel {
  bundle?: { readonly construct: IConstruct; readonly isFirst: boolean };
  readonly groups: CfnAutoScalingGroup[];
}

const stores = new WeakMap<IConstruct, Map<string, Channel>>();

const channelOf = (store: IConstruct, pool: string): Channel => {
  const channels = stores.get(store) ?? new Map<string, Channel>();
  stores.set(store, channels);
  const channel = channels.get(pool) ?? { groups: [] };
  channels.set(pool, channel);
  return channel;
};

/**
 * Within a stack only: a group elsewhere comes after the stack of the store by what its machines
 * are told, and a stack that has a bundle alone may come after that of the group.
 */
const order = ({ bundle, groups }: Channel): void => {
  if (!bundle?.isFirst) return;
  for (const group of groups) {
    if (Stack.of(group) === Stack.of(bundle.construct)) group.node.addDependency(bundle.construct);
  }
};

/** The bundle that is published to the channel of a pool already. */
export const publishedTo = (store: IConstruct, pool: string): IConstruct | undefined =>
  channelOf(store, pool).bundle?.construct;

/**
 * Says that a bundle is published to the channel of a pool.
 *
 * @param isFirst - whether machines need it before they start
 */
export const publishes = (
  construct: IConstruct,
  store: IConstruct,
  pool: string,
  isFirst: boolean,
): void => {
  const channel = channelOf(store, pool);
  channel.bundle = { construct, isFirst };
  order(channel);
};

/** Says that the machines of a group boot from the channel of a pool. */
export const bootsFrom = (group: CfnAutoScalingGroup, store: IConstruct, pool: string): void => {
  const channel = channelOf(store, pool);
  channel.groups.push(group);
  order(channel);
};
