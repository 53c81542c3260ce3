import { cordonOwners, type Evidence, type Invariant, isLeaving } from "./evidence.ts";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const readRecord = (item: Readonly<Record<string, unknown>>): string[] => {
  const key = String(item["pk"]);
  const ownership = item["ownership"];
  if (!isObject(ownership)) return [`${key} is still held by ${String(item["holder"])}`];
  const left = Array.isArray(ownership["left"]) ? ownership["left"] : [];
  return [
    ...(ownership["phase"] === "retiring" ? [`${key} is still owned`] : []),
    ...left.map((what) => `${key}: ${String(what)} was not given back`),
  ];
};

/**
 * Nodes that stay although they were cordoned or drained meanwhile. What a
 * person did to them, where Nomad's servers say who did it, is that person's.
 */
const cordonsLeft = (evidence: Evidence): string[] => {
  const {
    instances,
    chronicle,
    cluster: { before, after },
  } = evidence;
  const owners = chronicle && cordonOwners(chronicle);
  const isOfPerson = (nodeId: string): boolean => {
    const owner = owners?.get(nodeId);
    return owner !== undefined && owner !== chronicle?.droverAccessor;
  };
  return instances
    .filter((instance) => !isLeaving(instance))
    .flatMap(({ id }) => {
      const node = after.nodes.find(({ name }) => name === id);
      const earlier = before.nodes.find(({ name }) => name === id);
      if (node === undefined || isOfPerson(node.id)) return [];
      return [
        ...(node.draining ? [`the node of ${id} still drains`] : []),
        ...(!node.eligible && earlier?.eligible !== false
          ? [`the node of ${id} is still cordoned`]
          : []),
      ];
    });
};

/** No slot, lease, ownership, cordon, claim or suspension is left, and no execution runs. */
export const nothingLeftTaken: Invariant = {
  name: "nothing-left-taken",
  judge: (evidence) => [
    ...evidence.running.map((arn) => `${arn} still runs`),
    ...evidence.records.flatMap(readRecord),
    ...cordonsLeft(evidence),
    ...evidence.groups.flatMap(({ name, suspended }) =>
      suspended.map((process) => `${process} of ${name} is still suspended`),
    ),
    ...evidence.cluster.after.pinned.map(
      (volume) => `the volume ${volume} is claimed for ever by a node that is gone`,
    ),
  ],
};
