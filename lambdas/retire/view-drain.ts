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

/** Where to wait for the next change. */
export type Watch =
  | { readonly on: "node"; readonly index: number }
  | {
      readonly on: "allocation";
      readonly index: number;
      readonly allocation: Pick<AllocationStub, "ID" | "Namespace">;
    };

export interface Look {
  readonly view: DrainView;
  /** Undefined where there is nothing to wait on: a claim, or a disk. */
  readonly next: Watch | undefined;
}

/** What Nomad leaves to run until the deadline: it outlasts the services beside it, mostly. */
const runsOn = ({ JobType }: AllocationStub): boolean =>
  JobType === "batch" || JobType === "sysbatch";

/**
 * Nomad closes a drain that moves services as soon as the last has moved: the
 * node changes. The end of other work it may overlook, and what still runs once
 * a drain is closed changes no node either: an allocation is waited for then.
 *
 * @param left - what is still live
 * @param indexes - of the node, and of the list of what is left
 */
export const chooseWatch = (
  left: readonly AllocationStub[],
  isOpen: boolean,
  indexes: { readonly node: number; readonly allocations: number },
): Watch => {
  const hasService = left.some(({ JobType }) => JobType === "service");
  // Who came last probably goes last, and each that ends costs another look.
  const [last] = (left.some(runsOn) ? left.filter(runsOn) : left).toSorted(
    (one, other) => other.CreateTime - one.CreateTime,
  );
  return last && !(isOpen && hasService && !runsOn(last))
    ? { on: "allocation", index: indexes.allocations, allocation: last }
    : { on: "node", index: indexes.node };
};

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

export interface Before {
  readonly hold?: Hold | undefined;
  /** Asks for what has ended as well, in the same call. */
  readonly isProbablyEmpty?: boolean;
  /** The look before, at the index of the hold, when nothing was left but the drain itself. */
  readonly empty?: DrainView | undefined;
}

/**
 * One look at a node that drains. What costs more than a call is only asked
 * once nothing runs there any more.
 *
 * @param before - what is known before; a `hold` waits for a change of the node first
 */
export const viewDrain = async (
  nomad: Nomad,
  clock: Pick<Clock, "now">,
  target: DrainTarget,
  { hold, isProbablyEmpty = false, empty }: Before = {},
): Promise<Look> => {
  const nothing = { live: [], finishing: [], claims: [], pulling: [], emptySince: undefined };
  const watched = await nomad.readNode(target.nodeId, hold);
  if (!watched) return { view: { node: undefined, ...nothing }, next: undefined };
  const node = watched.value;
  // On a node that takes no work nothing comes again, as long as it does not change.
  if (empty && hold?.index === watched.index && node.SchedulingEligibility === "ineligible") {
    return { view: { ...empty, node }, next: { on: "node", index: watched.index } };
  }
  // Once Nomad has closed the drain mostly nothing runs any more, and one call says it all.
  const all =
    node.DrainStrategy && !isProbablyEmpty ? undefined : await nomad.allocations(target.nodeId);
  const { value: live, index } = all
    ? { ...all, value: all.value.filter(isLive) }
    : await nomad.liveAllocations(target.nodeId);
  const left = live.filter((allocation) => concerns(target.drain.pass, allocation));
  if (node.Status === "down" || left.length > 0) {
    return {
      view: { ...nothing, node, live },
      next: chooseWatch(left, node.DrainStrategy !== null, {
        node: watched.index,
        allocations: index,
      }),
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
