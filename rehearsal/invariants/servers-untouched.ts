import { describeWrite, type Evidence, type Invariant, writesOf } from "./evidence.ts";

/** A server may be a client too: neither is its node touched. */
const written = (evidence: Evidence): string[] => {
  const { before, after } = evidence.cluster;
  const servers = new Set(
    [...before.nodes, ...after.nodes].filter(({ isServer }) => isServer).map(({ id }) => id),
  );
  return writesOf(evidence)
    .filter(({ nodeId }) => servers.has(nodeId))
    .map((write) => `the server ${write.instanceId} got ${describeWrite(write)}`);
};

/** The servers of Nomad and Consul are the same, alive, and led by the same one. */
export const serversUntouched: Invariant = {
  name: "servers-untouched",
  judge: (evidence) => {
    const { before, after } = evidence.cluster;
    return [
      ...before.servers
        .filter((server) => !after.servers.includes(server))
        .map((server) => `no longer so: ${server}`),
      ...after.servers
        .filter((server) => !before.servers.includes(server))
        .map((server) => `not so before: ${server}`),
      ...written(evidence),
    ];
  },
};
