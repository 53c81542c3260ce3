import { instanceOf } from "./journal.ts";
import type { Allocation, Node, TaskGroup } from "./records.ts";
import { jobKeyOf } from "./records.ts";
import type { State } from "./state.ts";

/** A drain, as the servers' records say. Times are milliseconds since the epoch. */
export interface DrainFact {
  readonly nodeId: string;
  readonly instanceId: string;
  /** Accessor of the token that asked for it; when another one changes it, that is a new drain. */
  readonly accessor: string;
  readonly startedAt: number;
  /** Undefined while it is open. */
  endedAt?: number;
}

/**
 * A group of a service that had fewer healthy allocations than its `migrate`
 * block lets a drain leave it, because of drains that were open together.
 */
export interface Shortage {
  /** Milliseconds since the epoch, of the worst moment. */
  readonly at: number;
  readonly job: string;
  /** How many were running and healthy, of how many, and how few a drain may leave. */
  readonly healthy: number;
  readonly count: number;
  readonly least: number;
  /** The drains from whose nodes the missing ones were moved. */
  readonly drains: readonly DrainFact[];
}

export interface Census {
  /** Every drain that there has been, oldest first. */
  readonly drains: readonly DrainFact[];
  readonly shortages: readonly Shortage[];
}

/**
 * Counts the healthy allocations of services whenever several nodes drain: what
 * Nomad without #26175 gets wrong (nomad#25979). With one drain at a time
 * nothing is counted, so that it costs nothing.
 */
export const takeCensus = (state: State, now: () => number): Census => {
  const drains: DrainFact[] = [];
  const open = new Map<string, DrainFact>();
  const worst = new Map<string, Shortage>();
  const shortages: Shortage[] = [];

  state.onNode((node: Node) => {
    const isOpen = state.nodes.get(node.ID) === node && node.DrainStrategy !== null;
    const known = open.get(node.ID);
    const accessor = node.LastDrain?.AccessorID ?? "";
    if (known && (!isOpen || known.accessor !== accessor)) {
      known.endedAt = now();
      open.delete(node.ID);
    }
    if (!isOpen || open.has(node.ID)) return;
    const drain: DrainFact = {
      nodeId: node.ID,
      instanceId: instanceOf(node),
      accessor,
      startedAt: now(),
    };
    open.set(node.ID, drain);
    drains.push(drain);
  });

  const isUp = (alloc: Allocation): boolean =>
    alloc.DesiredStatus === "run" &&
    alloc.ClientStatus === "running" &&
    alloc.DeploymentStatus?.Healthy === true;

  /** Where the work of a name ran before it was moved; its replacement counts for nothing yet. */
  const leftNode = (alloc: Allocation): string | undefined => {
    if (alloc.DesiredStatus === "stop") return alloc.NodeID;
    return state.allocs.get(alloc.PreviousAllocation)?.NodeID;
  };

  const count = (group: TaskGroup, ofJob: readonly Allocation[]): void => {
    const latest = new Map<string, Allocation>();
    for (const alloc of ofJob) {
      const known = latest.get(alloc.Name);
      if (!known || known.CreateIndex <= alloc.CreateIndex) latest.set(alloc.Name, alloc);
    }
    const all = [...latest.values()];
    const missing = all.filter((alloc) => !isUp(alloc));
    const least = group.Count - (group.Migrate?.MaxParallel ?? 1);
    const healthy = all.length - missing.length;
    if (healthy >= least) return;
    const nodes = new Set(missing.map(leftNode));
    const taking = [...open.values()].filter(({ nodeId }) => nodes.has(nodeId));
    // What one drain alone takes, at its deadline or for want of room, is no matter of two.
    if (taking.length < 2) return;
    const job = ofJob[0]?.JobID ?? "";
    const key = [job, group.Name, ...taking.map(({ nodeId }) => nodeId).toSorted()].join("/");
    const shortage = { at: now(), job, healthy, count: group.Count, least, drains: taking };
    const known = worst.get(key);
    if (known && known.healthy <= healthy) return;
    if (known) shortages.splice(shortages.indexOf(known), 1);
    worst.set(key, shortage);
    shortages.push(shortage);
  };

  state.onAlloc((changed) => {
    if (open.size < 2 || changed.Job.Type !== "service") return;
    const ofJob = [...state.allocsByJob(jobKeyOf(changed))];
    const group = changed.Job.TaskGroups.find(({ Name }) => Name === changed.TaskGroup);
    if (group && state.jobs.get(jobKeyOf(changed)) === changed.Job)
      count(
        group,
        ofJob.filter(({ TaskGroup }) => TaskGroup === changed.TaskGroup),
      );
  });

  return { drains, shortages };
};
