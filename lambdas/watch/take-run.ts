import type { Executions } from "../clients/executions.ts";
import type { Records } from "../clients/records.ts";
import type { Clock } from "../runtime/clock.ts";
import { runLeaseKey } from "./reconciliation.ts";

/** Longer than a run takes; one that was stopped is recognised before. */
const leaseMilliseconds = 15 * 60_000;

/**
 * Takes the lease of the runs, or renews it.
 *
 * @param execution - ARN of this run
 * @returns whether this run may repair
 */
export const takeRun = async (
  clock: Clock,
  records: Pick<Records, "takeLeases" | "readLeases" | "releaseLease">,
  executions: Pick<Executions, "status">,
  execution: string,
): Promise<boolean> => {
  const take = () => records.takeLeases([runLeaseKey], execution, clock.now() + leaseMilliseconds);
  if (await take()) return true;
  const [other] = await records.readLeases([runLeaseKey]);
  if (other) {
    const status = await executions.status(other.holder);
    if (status === "running" || status === "unknown") return false;
    // It was stopped, or failed, before it could give the lease back.
    await records.releaseLease(runLeaseKey, other.holder);
  }
  return take();
};
