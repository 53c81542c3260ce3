import type { TerminationHook } from "../../clients/auto-scaling.ts";
import type { ExecutionStatus } from "../../clients/executions.ts";
import type { Member } from "../../clients/members.ts";
import type { Ownership } from "../../clients/records.ts";
import { poolTag } from "../../retire/hook-names.ts";
import type { Orphan } from "../reconciliation.ts";

export interface OwnersSeen {
  readonly members: readonly Member[];
  readonly owned: readonly Ownership[];
  /** Of the executions that `executionsInQuestion` names. */
  readonly statusOf: ReadonlyMap<string, ExecutionStatus>;
  /** By group: its hook of ours. A group without one cannot hold an instance for us. */
  readonly hooks: ReadonlyMap<string, TerminationHook>;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/**
 * A hook holds it: Auto Scaling does not say which of several. On the way back
 * into a warm pool termination hooks hold it in the states of the pool.
 */
export const isWaiting = ({ lifecycleState }: Pick<Member, "lifecycleState">): boolean =>
  lifecycleState.endsWith("Terminating:Wait") || lifecycleState === "Warmed:Pending:Wait";

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** Nobody says when a hook began that is found by looking. */
const foundHook = ({ name, heartbeatSeconds, globalSeconds }: TerminationHook, now: number) => {
  // Without an owner nobody has prolonged it: it is younger than one heartbeat.
  // The earliest moment gives the tightest deadline.
  const startedAt = now - heartbeatSeconds * 1000;
  return {
    name,
    heartbeatSeconds,
    startedAt: iso(startedAt),
    deadline: iso(startedAt + globalSeconds * 1000),
  };
};

/**
 * Instances that wait under a hook of ours, and that no live execution owns:
 * their event was lost, or their execution was stopped.
 */
export const findOrphans = (seen: OwnersSeen): Orphan[] => {
  const ownedBy = new Map(seen.owned.map((record) => [record.instanceId, record]));
  return seen.members.flatMap((member): Orphan[] => {
    const { instanceId, group, tags } = member;
    const pool = tags.get(poolTag);
    const hook = seen.hooks.get(group);
    if (!isWaiting(member) || !pool || !hook) return [];
    const record = ownedBy.get(instanceId);
    const status = record && (seen.statusOf.get(record.execution) ?? "unknown");
    if (status === "running") return [];
    // What is over is about an earlier stay of the instance, as in a warm pool.
    const left = record?.phase === "retiring" ? record : undefined;
    return [
      {
        instanceId,
        group,
        pool,
        why: !record
          ? "Nobody was told of it: its event was lost, or is still on its way."
          : status === "unknown"
            ? `Its execution never started, or nobody remembers it: ${record.execution}.`
            : `Its execution has ended: ${record.execution}.`,
        owner: record?.execution ?? null,
        isRecent: !record || status === "unknown",
        reason: left?.reason ?? "found waiting under its hook",
        since: left?.since ?? iso(seen.now),
        hook: left?.hook ?? foundHook(hook, seen.now),
      },
    ];
  });
};
