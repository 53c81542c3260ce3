import { goTime, goTimeInSeconds } from "../hashicorp/go-json.ts";
import type { DrainStrategy, Node, NodeEvent, NodeStatus } from "./records.ts";
import type { State } from "./state.ts";

/** A server keeps this many events of a node and drops the oldest. */
const EVENTS_KEPT = 10;

type EventText = Pick<NodeEvent, "Message" | "Subsystem"> & { Details?: Record<string, string> };

/** What a drain request asks for. */
export interface DrainRequest {
  readonly spec: { readonly deadline: number; readonly ignoreSystemJobs: boolean } | undefined;
  readonly markEligible: boolean;
  readonly meta: Record<string, string> | undefined;
  /** Whose token asked, empty without ACLs. */
  readonly accessor: string;
}

/** The writes to a node, with the events that they leave. */
export const createNodeWrites = (state: State, now: () => number) => {
  const commit = (node: Node, event?: EventText): number => {
    // The event carries the index of the write that brings it, known only afterwards.
    if (!event) return state.putNode(node);
    const record: NodeEvent = {
      Message: event.Message,
      Subsystem: event.Subsystem,
      Details: event.Details ?? null,
      Timestamp: goTime(now()),
      CreateIndex: 0,
    };
    node.Events = [...node.Events, record].slice(-EVENTS_KEPT);
    const index = state.putNode(node);
    record.CreateIndex = index;
    return index;
  };

  const touch = (node: Node) => {
    node.StatusUpdatedAt = Math.floor(now() / 1000);
  };

  /** Sets, replaces or ends a drain; the same rules for requests and for completion. */
  const changeDrain = (
    node: Node,
    drain: DrainStrategy | null,
    change: {
      markEligible: boolean;
      meta?: Record<string, string> | undefined;
      accessor: string;
      completed: boolean;
    },
    event?: EventText,
  ): number => {
    touch(node);
    const before = node.DrainStrategy;
    node.DrainStrategy = drain;
    if (drain) node.SchedulingEligibility = "ineligible";
    else if (change.markEligible) node.SchedulingEligibility = "eligible";

    if (before || drain) {
      const given = change.meta && Object.keys(change.meta).length > 0 ? change.meta : undefined;
      const last = before ? node.LastDrain : null;
      node.LastDrain = {
        StartedAt: last?.StartedAt ?? goTimeInSeconds(now()),
        UpdatedAt: goTimeInSeconds(now()),
        Status: drain ? "draining" : change.completed ? "complete" : "canceled",
        AccessorID: change.accessor || (last?.AccessorID ?? ""),
        Meta: given ?? last?.Meta ?? null,
      };
    }
    return commit(node, event);
  };

  return {
    register(node: Node): number {
      touch(node);
      return commit(node, { Message: "Node registered", Subsystem: "Cluster" });
    },

    setStatus(node: Node, status: NodeStatus, message?: string): number {
      touch(node);
      node.Status = status;
      return commit(node, message ? { Message: message, Subsystem: "Cluster" } : undefined);
    },

    /** As its client registers again. */
    setMeta(node: Node, meta: Readonly<Record<string, string>>): number {
      node.Meta = { ...meta };
      return commit(node);
    },

    setEligibility(node: Node, eligibility: Node["SchedulingEligibility"]): number {
      touch(node);
      node.SchedulingEligibility = eligibility;
      const word = eligibility === "eligible" ? "eligible" : "ineligible";
      return commit(node, {
        Message: `Node marked as ${word} for scheduling`,
        Subsystem: "Cluster",
      });
    },

    requestDrain(node: Node, request: DrainRequest): number {
      const before = node.DrainStrategy;
      const drain: DrainStrategy | null = request.spec
        ? {
            Deadline: request.spec.deadline,
            IgnoreSystemJobs: request.spec.ignoreSystemJobs,
            ForceDeadline:
              request.spec.deadline > 0 ? goTime(now() + request.spec.deadline / 1e6) : null,
            StartedAt: before?.StartedAt ?? goTime(now()),
          }
        : null;
      const messages = drain
        ? before
          ? "Node drain strategy updated"
          : "Node drain strategy set"
        : before
          ? "Node drain disabled"
          : undefined;
      return changeDrain(
        node,
        drain,
        { ...request, completed: false },
        messages === undefined ? undefined : { Message: messages, Subsystem: "Drain" },
      );
    },

    /** The drainer's own end of a drain. Only this event tells a forced one from a clean one. */
    completeDrain(node: Node, deadlineReached: boolean): number {
      return changeDrain(
        node,
        null,
        { markEligible: false, accessor: "", completed: true },
        {
          Message: "Node drain complete",
          Subsystem: "Drain",
          ...(deadlineReached ? { Details: { deadline_reached: "true" } } : {}),
        },
      );
    },
  };
};

export type NodeWrites = ReturnType<typeof createNodeWrites>;
