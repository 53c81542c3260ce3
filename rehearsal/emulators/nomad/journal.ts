import type { Call } from "./answers.ts";
import type { Node } from "./records.ts";
import type { createRouteWrites, Written } from "./routes-write.ts";
import type { State } from "./state.ts";

/** How a node stands in the servers' records. Times are milliseconds since the epoch. */
export interface NodeSight {
  readonly status: Node["Status"];
  readonly eligible: boolean;
  /** Allocations that live there, but for those of system jobs. */
  readonly work: number;
  /** The drain that is under way, and the accessor of the token that asked for it. */
  readonly drain: {
    /** When Nomad stops what is left; null without a deadline. */
    readonly until: number | null;
    readonly ignoreSystemJobs: boolean;
    readonly accessor: string;
  } | null;
}

/** A write to a node that the servers took. */
export interface NodeWrite {
  readonly at: number;
  /** Accessor of the token that asked, empty without ACLs. */
  readonly accessor: string;
  readonly call: "drain" | "eligibility" | "purge";
  readonly nodeId: string;
  readonly instanceId: string;
  readonly before: NodeSight;
  /** Undefined once the node is purged. */
  readonly after: NodeSight | undefined;
}

const look = (state: State, node: Node): NodeSight => ({
  status: node.Status,
  eligible: node.SchedulingEligibility === "eligible",
  work: [...state.liveByNode(node.ID)].filter(({ Job }) => Job.Type !== "system").length,
  drain: node.DrainStrategy && {
    until: node.DrainStrategy.ForceDeadline ? Date.parse(node.DrainStrategy.ForceDeadline) : null,
    ignoreSystemJobs: node.DrainStrategy.IgnoreSystemJobs,
    accessor: node.LastDrain?.AccessorID ?? "",
  },
});

/** The instance that a node runs on, by its fingerprint, or else by its name. */
export const instanceOf = (node: Pick<Node, "Attributes" | "Name">): string =>
  node.Attributes["unique.platform.aws.instance-id"] ?? node.Name;

type Writes = ReturnType<typeof createRouteWrites>;

/** Keeps what was written to nodes, by whom, and how they stood before and after. */
export const keepJournal = (
  inner: Writes,
  state: State,
  now: () => number,
): { readonly writes: Writes; readonly journal: readonly NodeWrite[] } => {
  const journal: NodeWrite[] = [];

  const kept =
    (kind: NodeWrite["call"], write: (call: Call) => Written) =>
    (call: Call): Written => {
      const nodeId = call.params[0] ?? "";
      const node = state.nodes.get(nodeId);
      const before = node && look(state, node);
      const written = write(call);
      // What is refused throws; without a node everything is refused.
      if (!node || !before) return written;
      const present = state.nodes.get(nodeId);
      journal.push({
        at: now(),
        accessor: call.rights.accessor,
        call: kind,
        nodeId,
        instanceId: instanceOf(node),
        before,
        after: present && look(state, present),
      });
      return written;
    };

  return {
    journal,
    writes: {
      drain: kept("drain", (call) => inner.drain(call)),
      eligibility: kept("eligibility", (call) => inner.eligibility(call)),
      purge: kept("purge", (call) => inner.purge(call)),
    },
  };
};
