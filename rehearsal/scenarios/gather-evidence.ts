import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { Group, Instance } from "../emulators/auto-scaling/state.ts";
import { holdTag } from "../../lambdas/retire/hook-names.ts";
import type {
  Evidence,
  ExecutionFact,
  GroupFact,
  InstanceFact,
  Stop,
} from "../invariants/evidence.ts";
import { account, region, type World } from "../world.ts";
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

const isHeld = ({ tags }: World, id: string): boolean =>
  tags.has(`arn:aws:ec2:${region}:${account}:instance/${id}`, holdTag);

const describeInstance = (world: World, { id, group, state, actions }: Instance): InstanceFact => ({
  id,
  group,
  state,
  ...(isHeld(world, id) && { held: true }),
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

/** Executions of retirements, and when each worked on the cluster. */
const describeExecutions = (world: World): ExecutionFact[] => {
  const calls = new Map<string, { first: number; last: number }>();
  const stops = new Map(
    world.stepFunctions
      .executions()
      .map(({ executionArn, stoppedAt }) => [executionArn, stoppedAt ?? Number.POSITIVE_INFINITY]),
  );
  const purged = new Map<string, Set<string>>();
  for (const { at, destination, operation, subject } of world.ledger.entries) {
    const { executionArn } = subject;
    if (destination !== "nomad" || executionArn === undefined) continue;
    if (operation.endsWith("/purge"))
      purged.set(executionArn, (purged.get(executionArn) ?? new Set()).add(operation));
    // A call that outlives its execution is nobody's work any more.
    if (at > (stops.get(executionArn) ?? at)) continue;
    const own = calls.get(executionArn);
    calls.set(executionArn, { first: own?.first ?? at, last: at });
  }
  return world.stepFunctions.executions().map((execution) => {
    const { executionArn, input, startedAt, stoppedAt, status } = execution;
    const given = JSON.parse(input) as Readonly<Record<string, unknown>> | null;
    const { instanceId, group, capacity } = given ?? {};
    return {
      arn: executionArn,
      instanceId: typeof instanceId === "string" ? instanceId : undefined,
      byHand: group === undefined,
      shrinks: capacity === "shrink" && status === "SUCCEEDED",
      startedAt,
      stoppedAt,
      calls: calls.get(executionArn),
      purged: purged.get(executionArn)?.size,
    };
  });
};

/** The settings of the pool, as people have written them. */
const describeSettings = ({ ssm, stack }: World): { readonly observeOnly?: boolean } => {
  const name = stack.parameters.find(({ name }) => name.includes("/pools/"))?.name;
  return JSON.parse((name && ssm.get(name)?.value) ?? "{}") as { readonly observeOnly?: boolean };
};

/** When the stop parameter said anything but `go`. */
const describeStops = ({ ssm, stack }: World): Stop[] => {
  const name = stack.parameters.find(({ name }) => name.endsWith("/stop"))?.name;
  if (name === undefined) throw new Error("the template has no stop parameter");
  const versions = ssm.history(name);
  return versions.flatMap(({ value, modifiedAt }, index) =>
    value === "go" ? [] : [{ from: modifiedAt, until: versions[index + 1]?.modifiedAt }],
  );
};

/** Reads what the services themselves know at the end. */
export const gatherEvidence = async (
  world: World,
  parties: Parties,
  before: Before,
  {
    asked,
    ...facts
  }: Pick<Evidence, "hook" | "drainDeadlineSeconds" | "clusterSlots" | "excuses"> & {
    /** To how many instances people and policies have scaled the managed groups. */
    readonly asked: number;
  },
): Promise<Evidence> => {
  const instancesOf = (names: readonly string[]) =>
    world.autoScaling
      .instances()
      .filter(({ group }) => names.includes(group))
      .map((instance) => describeInstance(world, instance));
  const executions = describeExecutions(world);
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
    executions,
    observeOnly: describeSettings(world).observeOnly === true,
    desired: {
      asked: asked - executions.filter(({ shrinks }) => shrinks).length,
      is: parties.managed.reduce((sum, name) => sum + world.autoScaling.group(name).desired, 0),
    },
    stops: describeStops(world),
    chronicle: world.park.chronicle,
  };
};
