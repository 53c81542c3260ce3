import type { Cluster } from "../clients/cluster.ts";
import type { Forgotten, Volume } from "./retirement.ts";

/** Purges a node, unless a volume still names it: then Nomad's own garbage collection has to. */
export const forgetInNomad = async (
  { nomad }: Cluster,
  nodeId: string | undefined,
  volumes: readonly Volume[],
): Promise<Forgotten["nomad"]> => {
  if (!nodeId) return "unknown";
  for (const { id, namespace } of volumes) {
    const volume = await nomad.readVolume(id, namespace);
    // A purge would pin the claim for ever (hashicorp/nomad#15415).
    if (volume?.Allocations?.some((allocation) => allocation.NodeID === nodeId)) {
      return "left to garbage collection";
    }
  }
  return (await nomad.purge(nodeId)) === "done" ? "purged" : "unknown";
};

/** Ends a membership for good. Only of a machine that has ended. */
export const forgetInConsul = async (
  { consul }: Cluster,
  member: string | undefined,
): Promise<Forgotten["consul"]> => {
  if (!consul) return "not used";
  if (!member) return "unknown";
  // Both calls, always: the one ends the membership, the other clears the catalog.
  await consul.forceLeave(member);
  await consul.deregister(member);
  return "deregistered";
};
