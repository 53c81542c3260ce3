import type { ExecutionStatus } from "../../clients/executions.ts";
import type { Member } from "../../clients/members.ts";
import type { Ownership } from "../../clients/records.ts";
import { isWaiting } from "./find-orphans.ts";

export interface MarksSeen {
  /** All instances of our groups. */
  readonly members: readonly Member[];
  readonly owned: readonly Ownership[];
  readonly statusOf: ReadonlyMap<string, ExecutionStatus>;
}

export interface Marked {
  readonly record: Ownership;
  readonly where: "gone" | "staying";
}

/** Works, or could at any moment: not on its way out, and not kept for a person. */
const isStaying = (lifecycleState: string): boolean =>
  !lifecycleState.includes("Terminating") && !lifecycleState.includes("Detach");

/**
 * Records of retirements that are over, and whose instance or node may still
 * have something that was taken: `retiring` with an execution that has ended, or
 * `failed` with things left. What waits under its hook is an orphan, and what is
 * still on its way out is looked at when it has gone.
 */
export const findMarked = (seen: MarksSeen): Marked[] => {
  const members = new Map(seen.members.map((member) => [member.instanceId, member]));
  return seen.owned.flatMap((record): Marked[] => {
    const status = seen.statusOf.get(record.execution) ?? "unknown";
    const isLeft =
      (record.phase === "retiring" && status !== "running") ||
      (record.phase === "failed" && (record.left ?? []).length > 0);
    if (!isLeft) return [];
    const member = members.get(record.instanceId);
    if (!member) return [{ record, where: "gone" }];
    if (isWaiting(member) || !isStaying(member.lifecycleState)) return [];
    // Perhaps it has only just begun.
    if (record.phase === "retiring" && status === "unknown") return [];
    return [{ record, where: "staying" }];
  });
};

/** Whether any retirement of the last week is over, so that something may be remembered. */
export const hasEnded = ({ members, owned }: Pick<MarksSeen, "members" | "owned">): boolean => {
  const known = new Set(members.map(({ instanceId }) => instanceId));
  return owned.some(({ instanceId, phase }) => phase !== "retiring" && !known.has(instanceId));
};
