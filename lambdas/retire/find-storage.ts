import type { Allocation, AllocationStub, Nomad } from "../clients/nomad.ts";
import type { Cordon } from "./retirement.ts";

/** At most so many of each are watched; what is more is left to Nomad. */
const most = 100;

/** `web.cache[3]` is the fourth allocation of its group. */
const indexOf = (allocation: Pick<AllocationStub, "Name">): string =>
  /\[(\d+)\]$/.exec(allocation.Name)?.[1] ?? "0";

const volumesOf = (full: Allocation | undefined, of: AllocationStub): string[] => {
  const group = full?.Job?.TaskGroups.find((each) => each.Name === of.TaskGroup);
  return Object.values(group?.Volumes ?? {})
    .filter((volume) => volume.Type === "csi")
    .map((volume) => (volume.PerAlloc ? `${volume.Source}[${indexOf(of)}]` : volume.Source));
};

const migratesItsDisk = (full: Allocation | undefined, of: AllocationStub): boolean =>
  full?.Job?.TaskGroups.find((each) => each.Name === of.TaskGroup)?.EphemeralDisk?.Migrate === true;

/**
 * The CSI volumes and the migrating ephemeral disks of allocations, by their own
 * job: Nomad's list of volumes by node leaves out what has ended, and all of
 * them when one volume is `per_alloc` (tried). One call for the whole node,
 * however many jobs run there.
 */
export const findStorage = async (
  nomad: Pick<Nomad, "fullAllocations">,
  nodeId: string,
  live: readonly AllocationStub[],
): Promise<Pick<Cordon, "volumes" | "migratingDisks">> => {
  const all = live.length === 0 ? [] : await nomad.fullAllocations(nodeId);
  const byId = new Map(all.map((full) => [full.ID, full]));
  const volumes = new Map<string, Cordon["volumes"][number]>();
  const migratingDisks: Cordon["migratingDisks"] = [];
  for (const each of live) {
    const full = byId.get(each.ID);
    for (const id of volumesOf(full, each)) {
      volumes.set(`${each.Namespace}/${id}`, { id, namespace: each.Namespace });
    }
    if (migratesItsDisk(full, each)) {
      migratingDisks.push({ allocation: each.ID, namespace: each.Namespace });
    }
  }
  return {
    volumes: [...volumes.values()].slice(0, most),
    migratingDisks: migratingDisks.slice(0, most),
  };
};
