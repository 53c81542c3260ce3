import type { ExecutionStatus } from "../../clients/executions.ts";
import type { Lease } from "../../clients/records.ts";
import { isSlot } from "../../retire/rules/allot-slot.ts";
import type { DeadLease } from "../reconciliation.ts";

/** Slots whose holders have ended; those that have run out are free anyway. */
export const findDeadLeases = (
  leases: readonly Lease[],
  statusOf: ReadonlyMap<string, ExecutionStatus>,
  now: number,
): DeadLease[] =>
  leases.flatMap(({ key, holder, until }) => {
    const status = statusOf.get(holder) ?? "unknown";
    if (!isSlot(key) || until < now || status === "running") return [];
    return [{ key, holder, isRecent: status === "unknown" }];
  });
