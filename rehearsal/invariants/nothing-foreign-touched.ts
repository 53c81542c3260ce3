import {
  describeWrite,
  type Evidence,
  type GroupFact,
  type Invariant,
  writesOf,
} from "./evidence.ts";

const fields: Readonly<Record<string, (group: GroupFact) => string>> = {
  sizes: ({ sizes }) => sizes,
  tags: ({ tags }) => tags,
  hooks: ({ hooks }) => hooks,
  "suspended processes": ({ suspended }) => suspended.join(", "),
};

const changedGroups = ({ foreignGroups: { before, after } }: Evidence): string[] =>
  before.flatMap((group) => {
    const now = after.find(({ name }) => name === group.name);
    if (now === undefined) return [`the group ${group.name} is gone`];
    return Object.entries(fields).flatMap(([name, read]) => {
      const [was, is] = [read(group), read(now)];
      if (was === is) return [];
      return [
        `the ${name} of the group ${group.name} were ${JSON.stringify(was)} and are ${JSON.stringify(is)}`,
      ];
    });
  });

/** Hooks that are not ours, in whatever group: neither completed by us nor kept alive. */
const touchedHooks = ({ instances, foreignInstances, hook, accessKey }: Evidence): string[] =>
  [...instances, ...foreignInstances].flatMap((instance) => {
    const { id, actions } = instance;
    const isForeign = foreignInstances.includes(instance);
    const abandoned = actions.find(
      ({ outcome }) => outcome?.result === "ABANDON" && outcome.by === accessKey,
    );
    return actions
      .filter((action) => isForeign || action.hook !== hook)
      .flatMap((action) => [
        ...(action.outcome?.by === accessKey
          ? [`the hook ${action.hook} of ${id} was completed by Drover`]
          : []),
        // To abandon one hook ends all that wait beside it.
        ...(abandoned?.outcome && action.outcome?.at === abandoned.outcome.at
          ? [`the hook ${action.hook} of ${id} was cut short when Drover abandoned its own`]
          : []),
        ...(action.heartbeats > 0 ? [`the hook ${action.hook} of ${id} got a heartbeat`] : []),
      ]);
  });

const changedNodes = ({ instances, cluster: { before, after } }: Evidence): string[] => {
  const ours = new Set(instances.map(({ id }) => id));
  return before.nodes
    .filter(({ name }) => !ours.has(name))
    .flatMap((node) => {
      const now = after.nodes.find(({ id }) => id === node.id);
      return JSON.stringify(now) === JSON.stringify(node)
        ? []
        : [`the node ${node.name} was ${JSON.stringify(node)} and is ${JSON.stringify(now)}`];
    });
};

const lostMembers = ({ instances, cluster: { before, after } }: Evidence): string[] => {
  const ours = new Set(instances.map(({ id }) => id));
  return before.members
    .filter((name) => !ours.has(name) && !after.members.includes(name))
    .map((name) => `Consul has lost the member ${name}`);
};

/** Also what was put right again afterwards was touched. */
const writtenNodes = (evidence: Evidence): string[] => {
  const ours = new Set(evidence.instances.map(({ id }) => id));
  return writesOf(evidence)
    .filter(({ instanceId }) => !ours.has(instanceId))
    .map((write) => `the node of ${write.instanceId} got ${describeWrite(write)} by Drover`);
};

/** Nodes, members, groups and hooks that are not ours are as they were. */
export const nothingForeignTouched: Invariant = {
  name: "nothing-foreign-touched",
  judge: (evidence) => [
    ...changedGroups(evidence),
    ...touchedHooks(evidence),
    ...changedNodes(evidence),
    ...writtenNodes(evidence),
    ...lostMembers(evidence),
  ],
};
