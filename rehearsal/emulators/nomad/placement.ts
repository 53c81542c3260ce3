import type { Allocation, Job, Node } from "./records.ts";
import { isTerminal } from "./records.ts";
import type { State } from "./state.ts";

/** What the scheduler needs to know of machines and groups beyond the records. */
export interface Sizes {
  capacityOf(nodeId: string): number;
  sizeOf(job: Job, group: string): number;
}

/** Nodes that take new work, by pool, with removal that does not move the rest. */
const createPools = () => {
  const pools = new Map<string, Node[]>();
  const seats = new Map<Node, { pool: string; seat: number }>();
  return {
    has: (node: Node) => seats.has(node),
    in: (pool: string): readonly Node[] =>
      pool === "all" ? [...pools.values()].flat() : (pools.get(pool) ?? []),
    add(node: Node) {
      const nodes = pools.get(node.NodePool) ?? [];
      pools.set(node.NodePool, nodes);
      seats.set(node, { pool: node.NodePool, seat: nodes.length });
      nodes.push(node);
    },
    remove(node: Node) {
      const at = seats.get(node);
      const nodes = at && pools.get(at.pool);
      if (!at || !nodes) return;
      const last = nodes.pop()!;
      if (last !== node) {
        nodes[at.seat] = last;
        seats.set(last, at);
      }
      seats.delete(node);
    },
  };
};

/**
 * Chooses nodes for allocations: like Nomad's bin packing among a few random
 * nodes that fit, away from allocations of the same job.
 */
export const createPlacement = (state: State, sizes: Sizes, random: () => number) => {
  const pools = createPools();

  const isSchedulable = (node: Node) =>
    state.nodes.get(node.ID) === node &&
    node.Status === "ready" &&
    node.SchedulingEligibility === "eligible" &&
    node.DrainStrategy === null;

  state.onNode((node) => {
    const schedulable = isSchedulable(node);
    if (schedulable && !pools.has(node)) pools.add(node);
    if (!schedulable && pools.has(node)) pools.remove(node);
  });

  /** What the evaluation under way has placed and not committed yet. */
  const planned = new Map<string, Allocation[]>();

  /** Room counts what the servers still want to run: a stop frees it at once. */
  const usage = (node: Node, job: Job): { free: number; used: number; same: number } => {
    let used = 0;
    let same = 0;
    const wanted = (alloc: Allocation) => !isTerminal(alloc);
    const allocs = [...state.liveByNode(node.ID)].filter(wanted);
    for (const alloc of [...allocs, ...(planned.get(node.ID) ?? [])]) {
      used += sizes.sizeOf(alloc.Job, alloc.TaskGroup);
      if (alloc.JobID === job.ID && alloc.Namespace === job.Namespace) same += 1;
    }
    return { free: sizes.capacityOf(node.ID) - used, used, same };
  };

  return {
    isSchedulable: (node: Node) => pools.has(node),

    plan(alloc: Allocation) {
      planned.set(alloc.NodeID, [...(planned.get(alloc.NodeID) ?? []), alloc]);
    },
    forgetPlan: () => planned.clear(),

    nodesIn: (pool: string) => pools.in(pool),

    fits: (node: Node, job: Job, group: string) =>
      usage(node, job).free >= sizes.sizeOf(job, group),

    /** @returns undefined where nothing has room */
    choose(job: Job, group: string, previous: Allocation | undefined): Node | undefined {
      const size = sizes.sizeOf(job, group);
      const disk = job.TaskGroups.find((candidate) => candidate.Name === group)?.EphemeralDisk;
      const apart = job.Constraints?.some(({ Operand }) => Operand === "distinct_hosts") ?? false;
      const home = previous && state.nodes.get(previous.NodeID);
      if (disk?.Sticky && home && pools.has(home) && usage(home, job).free >= size) return home;

      const nodes = pools.in(job.NodePool);
      const wanted = Math.max(2, Math.ceil(Math.log2(nodes.length + 1)));
      const start = Math.floor(random() * nodes.length);
      let best: { node: Node; score: number } | undefined;
      let seen = 0;
      for (let step = 0; step < nodes.length && seen < wanted; step += 1) {
        const node = nodes[(start + step) % nodes.length]!;
        const { free, used, same } = usage(node, job);
        if (free < size || (apart && same > 0)) continue;
        seen += 1;
        const score = used - 100 * same;
        if (!best || score > best.score) best = { node, score };
      }
      return best?.node;
    },
  };
};

export type Placement = ReturnType<typeof createPlacement>;
