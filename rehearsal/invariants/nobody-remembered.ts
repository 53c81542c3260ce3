import { type Evidence, type InstanceFact, type Invariant, isEnded } from "./evidence.ts";

/**
 * Whether a volume still named the node when its machine ended. A purge would
 * pin that claim for ever, so such a node is left to Nomad's garbage collection.
 */
const isKeptByVolume = ({ ends }: Evidence, { id }: InstanceFact): boolean =>
  ends.some(({ instanceId, claims = [] }) => instanceId === id && claims.length > 0);

const remembered = (
  evidence: Evidence,
): { readonly sentence: string; readonly isRight: boolean }[] =>
  evidence.instances.filter(isEnded).flatMap((instance) => {
    const { id } = instance;
    const node = evidence.cluster.after.nodes.find(({ name }) => name === id);
    return [
      ...(node
        ? [
            {
              sentence: `Nomad still has the node of ${id} (${node.status})`,
              isRight: node.status === "down" && isKeptByVolume(evidence, instance),
            },
          ]
        : []),
      ...(evidence.cluster.after.members.includes(id)
        ? [{ sentence: `Consul still has the member ${id}`, isRight: false }]
        : []),
    ];
  });

/** Neither Nomad nor Consul remembers an instance that has ended. */
export const nobodyRemembered: Invariant = {
  name: "nobody-remembered",
  judge: (evidence) =>
    remembered(evidence)
      .filter(({ isRight }) => !isRight)
      .map(({ sentence }) => sentence),
  report: (evidence) =>
    remembered(evidence)
      .filter(({ isRight }) => isRight)
      .map(({ sentence }) => `${sentence}: a volume named it when its machine ended`),
};
