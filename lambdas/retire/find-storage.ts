import { type Allocation, isLive, type Nomad } from "../clients/nomad.ts";
import type { Cordon } from "./retirement.ts";

/** At most so many of each are watched; what is more is left to Nomad. */
const most = 100;

/** `web.cache[3]` is the fourth allocation of its group. */
const indexOf = (allocation: Pick<Allocation, "Name">): string =>
  /\[(\d+)\]$/.exec(allocation.Name)?.[1] ?? "0";

const groupOf = ({ Job, TaskGroup }: Allocation) =>
  Job?.TaskGroups.find(({ Name }) => Name === TaskGroup);

/** Ids of the CSI volumes that an allocation uses, or used. */
export const volumesOf = (allocation: Allocation): string[] =>
  Object.values(groupOf(allocation)?.Volumes ?? {})
    .filter((volume) => volume.Type === "csi")
    .map((volume) =>
      volume.PerAlloc ? `${volume.Source}[${indexOf(allocation)}]` : volume.Source,
    );

/**
 * The CSI volumes and the migrating ephemeral disks of what is live on a node,
 * each by its own version of its job: Nomad's list of volumes by node leaves out
 * what has ended, and all of them when one volume is `per_alloc` (tried). One
 * call for the whole node, however many jobs run there.
 */
export const findStorage = async (
  nomad: Pick<Nomad, "fullAllocations">,
  nodeId: string,
): Promise<Pick<Cordon, "volumes" | "migratingDisks">> => {
  const volumes = new Map<string, Cordon["volumes"][number]>();
  const migratingDisks: Cordon["migratingDisks"] = [];
  for (const each of (await nomad.fullAllocations(nodeId)).filter(isLive)) {
    for (const id of volumesOf(each)) {
      volumes.set(`${each.Namespace}/${id}`, { id, namespace: each.Namespace });
    }
    if (groupOf(each)?.EphemeralDisk?.Migrate === true) {
      migratingDisks.push({ allocation: each.ID, namespace: each.Namespace });
    }
  }
  return {
    volumes: [...volumes.values()].slice(0, most),
    migratingDisks: migratingDisks.slice(0, most),
  };
};
