import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { Group, Instance } from "../emulators/auto-scaling/state.ts";
import type { Evidence, GroupFact, InstanceFact } from "../invariants/evidence.ts";
import type { World } from "../world.ts";
import type { ClusterTruth } from "../world/park.ts";
import { droverAccessKey } from "../world/sdk-environment.ts";

const sorted = (values: Iterable<unknown>): string =>
  JSON.stringify([...values].map(String).sort());

const describeGroup = (group: Group): GroupFact => ({
  name: group.name,
  sizes: `${group.min} to ${group.max}`,
  tags: sorted([...group.tags.values()].map((tag) => JSON.stringify(tag))),
  hooks: sorted([...group.hooks.values()].map((hook) => JSON.stringify(hook))),
  suspended: [...group.suspended],
});

const describeInstance = ({ id, group, state, actions }: Instance): InstanceFact => ({
  id,
  group,
  state,
  actions: actions.map(({ hook, startedAt, limitAt, heartbeats, outcome }) => ({
    hook: hook.name,
    startedAt,
    limitAt,
    heartbeats: heartbeats.length,
    outcome,
  })),
});

/** How the world stood before anything happened. */
export interface Before {
  readonly cluster: ClusterTruth;
  readonly foreignGroups: readonly GroupFact[];
}

export interface Parties {
  /** Names of the groups that Drover manages, and of those that it does not. */
  readonly managed: readonly string[];
  readonly foreign: readonly string[];
}

export const describeGroups = (world: World, names: readonly string[]): GroupFact[] =>
  names.map((name) => describeGroup(world.autoScaling.group(name)));

/** Reads what the services themselves know at the end. */
export const gatherEvidence = async (
  world: World,
  parties: Parties,
  before: Before,
  facts: Pick<Evidence, "hook" | "drainDeadlineSeconds" | "excuses">,
): Promise<Evidence> => {
  const instancesOf = (names: readonly string[]) =>
    world.autoScaling
      .instances()
      .filter(({ group }) => names.includes(group))
      .map(describeInstance);
  const managed = instancesOf(parties.managed);
  return {
    ...facts,
    accessKey: droverAccessKey,
    instances: managed,
    foreignInstances: instancesOf(parties.foreign),
    groups: describeGroups(world, parties.managed),
    foreignGroups: {
      before: before.foreignGroups,
      after: describeGroups(world, parties.foreign),
    },
    ends: world.park.ends,
    cluster: { before: before.cluster, after: await world.park.look() },
    records: world.stack.tables.flatMap(({ name }) =>
      world.dynamoDb.items(name).map((item) => unmarshall(item as Record<string, AttributeValue>)),
    ),
    running: world.stepFunctions
      .executions()
      .filter(({ status }) => status === "RUNNING")
      .map(({ executionArn }) => executionArn),
  };
};
