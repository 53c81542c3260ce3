import { type AllocationStub, type Hold, isLive, type Nomad } from "../clients/nomad.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Cordon, Drain } from "./retirement.ts";
import { concerns, type DrainView, isFinishing } from "./rules/judge-drain.ts";

export interface DrainTarget {
  readonly nodeId: string;
  readonly drain: Drain;
  /** What the allocations stored, as the cordon found it. */
  readonly storage: Pick<Cordon, "volumes" | "migratingDisks">;
}

export interface Look {
  readonly view: DrainView;
  /** Where to wait for the next change: the node while it drains, its allocations after. */
  readonly next: { readonly on: "node" | "allocations"; readonly index: number } | undefined;
}

const findClaims = async (
  nomad: Pick<Nomad, "readVolume">,
  { storage, nodeId }: DrainTarget,
): Promise<string[]> => {
  const claims: string[] = [];
  for (const { id, namespace } of storage.volumes) {
    const volume = await nomad.readVolume(id, namespace);
    const isClaimed = volume?.Allocations?.some((allocation) => allocation.NodeID === nodeId);
    if (isClaimed) claims.push(`${namespace}/${id}`);
  }
  return claims;
};

/**
 * The allocations of this node whose replacement still pulls their data: it is
 * pending until it has them (a client that ends too early leaves it empty, with
 * only a warning). One without a replacement has nothing to wait for.
 */
const findPulling = async (
  nomad: Pick<Nomad, "readAllocation">,
  { storage }: DrainTarget,
): Promise<AllocationStub[]> => {
  const pulling: AllocationStub[] = [];
  for (const { allocation, namespace } of storage.migratingDisks) {
    const old = await nomad.readAllocation(allocation, namespace);
    if (!old?.NextAllocation) continue;
    const replacement = await nomad.readAllocation(old.NextAllocation, namespace);
    if (replacement?.ClientStatus !== "pending") continue;
    // Only services have their work moved, and its data with it.
    pulling.push({ ...old, JobType: old.Job?.Type ?? "service" });
  }
  return pulling;
};

/**
 * One look at a node that drains. What costs more than a call is only asked
 * once nothing runs there any more.
 *
 * @param hold - waits for a change first, on the node or on its allocations
 */
export const viewDrain = async (
  nomad: Nomad,
  clock: Pick<Clock, "now">,
  target: DrainTarget,
  hold?: { readonly on: "node" | "allocations" } & Hold,
): Promise<Look> => {
  const nothing = { live: [], finishing: [], claims: [], pulling: [], emptySince: undefined };
  const watched = await nomad.readNode(target.nodeId, hold?.on === "node" ? hold : undefined);
  if (!watched) return { view: { node: undefined, ...nothing }, next: undefined };
  const node = watched.value;
  // Once Nomad has closed the drain mostly nothing runs any more, and one call says it all.
  const watch = hold?.on === "allocations" ? hold : undefined;
  const all = node.DrainStrategy ? undefined : await nomad.allocations(target.nodeId, watch);
  const { value: live, index } = all
    ? { ...all, value: all.value.filter(isLive) }
    : await nomad.liveAllocations(target.nodeId, watch);
  const isEmpty = !live.some((allocation) => concerns(target.drain.pass, allocation));
  if (node.Status === "down" || !isEmpty) {
    return {
      view: { ...nothing, node, live },
      next: node.DrainStrategy
        ? { on: "node", index: watched.index }
        : { on: "allocations", index },
    };
  }
  const [ended, claims, pulling] = await Promise.all([
    all ? all.value.filter((each) => !isLive(each)) : nomad.endedAllocations(target.nodeId),
    findClaims(nomad, target),
    findPulling(nomad, target),
  ]);
  const finishing = ended.filter((each) => isFinishing(each, clock.now()));
  return {
    view: { ...nothing, node, live, finishing, claims, pulling },
    next: node.DrainStrategy ? { on: "node", index: watched.index } : undefined,
  };
};
