import type { AllocationStub, NomadNode } from "../../clients/nomad.ts";
import type { Blocker, Drain } from "../retirement.ts";

/**
 * What is known of a node in one look. Everything here is Nomad's word, none of
 * it our own record.
 */
export interface DrainView {
  /** Undefined when Nomad does not know the node any more. */
  readonly node: Pick<NomadNode, "Status" | "DrainStrategy" | "Events" | "LastDrain"> | undefined;
  /** Pending, running or unknown on the client. */
  readonly live: readonly AllocationStub[];
  /** Ended, yet a task of it still runs: a poststop task, say. */
  readonly finishing: readonly AllocationStub[];
  /** CSI volumes that still name the node, as `namespace/id`. */
  readonly claims: readonly string[];
  /** Allocations whose ephemeral disk the replacement has not pulled yet. */
  readonly pulling: readonly AllocationStub[];
  /** Since when (ms) there has been nothing left to wait for although the strategy stands. */
  readonly emptySince: number | undefined;
}

export type Verdict = Pick<Drain, "status" | "outcome" | "explanation" | "blockers">;

/**
 * Between the end of the last allocation and the end of the strategy Nomad
 * takes a second or two. A strategy that stands longer waits for nothing: a job
 * that was purged during its drain leaves it open for ever, and so does a
 * sysbatch allocation that ended last (tried on 1.6.1).
 */
export const hangingSeconds = 5;

/** At most this many jobs are named. */
const mostBlockers = 10;

/**
 * Whether the last that happened to a drain of the node was its deadline. By
 * Nomad's own order of events, since its clock and ours differ a little, and the
 * second pass begins right after the first.
 */
const reachedDeadline = (view: DrainView): boolean => {
  const last = (view.node?.Events ?? []).findLast(({ Message }) =>
    Message.startsWith("Node drain"),
  );
  return last?.Message === "Node drain complete" && last.Details?.["deadline_reached"] === "true";
};

/** Whether a pass of the drain waits for this allocation. System jobs are left to the second pass. */
export const concerns = (
  pass: Drain["pass"],
  allocation: Pick<AllocationStub, "JobType">,
): boolean => pass === "system" || allocation.JobType !== "system";

/** How long a task may take to begin after its allocation has ended: a poststop task does (tried). */
const lateStartMilliseconds = 30_000;

/**
 * Whether something of an ended allocation still runs, or is about to: a
 * poststop task begins a moment after its allocation is complete or failed.
 *
 * @param now - milliseconds since the Unix epoch
 */
export const isFinishing = (
  allocation: Pick<AllocationStub, "TaskStates" | "ModifyTime">,
  now: number,
): boolean => {
  const states = Object.values(allocation.TaskStates ?? {}).map(({ State }) => State);
  const hasJustEnded = now - allocation.ModifyTime / 1e6 < lateStartMilliseconds;
  return states.includes("running") || (hasJustEnded && states.includes("pending"));
};

/** By job, oldest first; at most ten. */
export const describeBlockers = (
  groups: readonly [string, readonly AllocationStub[]][],
): Blocker[] => {
  const byJob = new Map<string, { oldest: number; blocker: Omit<Blocker, "since"> }>();
  for (const [why, allocations] of groups) {
    for (const allocation of allocations) {
      const key = `${allocation.Namespace}/${allocation.JobID}`;
      const known = byJob.get(key);
      const oldest = Math.min(
        known?.oldest ?? Number.POSITIVE_INFINITY,
        allocation.CreateTime / 1e6,
      );
      byJob.set(key, {
        oldest,
        blocker: {
          job: allocation.JobID,
          namespace: allocation.Namespace,
          type: allocation.JobType,
          allocations: (known?.blocker.allocations ?? 0) + 1,
          why: known?.blocker.why ?? why,
        },
      });
    }
  }
  return [...byJob.values()]
    .sort((a, b) => a.oldest - b.oldest)
    .slice(0, mostBlockers)
    .map(({ oldest, blocker }) => ({ ...blocker, since: new Date(oldest).toISOString() }));
};

const names = (blockers: readonly Blocker[]): string =>
  blockers.map((blocker) => `${blocker.job} (${blocker.why})`).join(", ");

/**
 * Whether a pass of a drain is over.
 *
 * Drained means: no allocation pending, running or unknown on the client, no
 * task of any allocation still running, claims and data gone, and either no
 * strategy or nothing left that it could wait for. The end of the strategy alone
 * says little: tasks may still run out their kill time-outs then.
 *
 * @param now - milliseconds since the Unix epoch
 */
export const judgeDrain = (view: DrainView, drain: Drain, now: number): Verdict => {
  if (!view.node) {
    return {
      status: "drained",
      outcome: drain.allocations > 0 ? "forced" : "none",
      explanation: "Nomad does not know the node any more: somebody purged it.",
      blockers: [],
    };
  }
  const live = view.live.filter((allocation) => concerns(drain.pass, allocation));
  const finishing = view.finishing.filter((allocation) => concerns(drain.pass, allocation));
  const pulling = view.pulling;

  if (view.node.Status === "down") {
    // Nomad has declared its work lost and places it elsewhere: there is nobody to wait for.
    return {
      status: "drained",
      outcome: live.length > 0 || drain.allocations > 0 ? "forced" : "none",
      explanation: "The node went down while it drained.",
      blockers: [],
    };
  }

  const blockers = describeBlockers([
    ["still running", live],
    ["a task still runs although the allocation has ended", finishing],
    ["its replacement still pulls the ephemeral disk", pulling],
  ]);
  const forced = reachedDeadline(view);
  if (blockers.length === 0 && view.claims.length === 0) {
    const outcome = forced ? "forced" : "clean";
    if (!view.node.DrainStrategy) {
      return {
        status: "drained",
        outcome,
        explanation: forced
          ? "The deadline was reached; Nomad stopped what was left."
          : drain.pass === "work"
            ? "Everything has moved away."
            : "The system jobs have stopped.",
        blockers: [],
      };
    }
    if (view.emptySince !== undefined && now - view.emptySince >= hangingSeconds * 1000) {
      return {
        status: "drained",
        outcome,
        explanation: "Nothing is left to wait for, although Nomad still holds the drain open.",
        blockers: [],
      };
    }
  }
  const waitingFor =
    blockers.length > 0
      ? names(blockers)
      : view.claims.length > 0
        ? `CSI volumes ${view.claims.slice(0, mostBlockers).join(", ")} that still name the node`
        : "Nomad to close the drain";

  if (now >= Date.parse(drain.giveUpAt)) {
    return {
      status: "drained",
      outcome: "forced",
      explanation: `The time is over; still there: ${waitingFor}.`,
      blockers,
    };
  }
  return {
    status: "draining",
    outcome: drain.outcome,
    explanation: `Waits for ${waitingFor}.`,
    blockers,
  };
};
