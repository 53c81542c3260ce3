import type { Executions } from "../clients/executions.ts";
import type { Records } from "../clients/records.ts";
import type { Clock } from "../runtime/clock.ts";

/** Only one run repairs at a time. */
const key = "lease#reconcile";

/** Longer than a run takes; a run that was stopped is recognised before. */
const leaseMilliseconds = 15 * 60_000;

export interface RunLease {
  /** @returns whether this run may repair; it may ask again */
  take(execution: string): Promise<boolean>;
  giveBack(execution: string): Promise<void>;
}

export const runLease = (
  { clock }: { readonly clock: Clock },
  records: Pick<Records, "takeLeases" | "readLeases" | "releaseLease">,
  executions: Pick<Executions, "status">,
): RunLease => {
  const take = (execution: string) =>
    records.takeLeases([key], execution, clock.now() + leaseMilliseconds);
  return {
    async take(execution) {
      if (await take(execution)) return true;
      const [other] = await records.readLeases([key]);
      if (other) {
        const status = await executions.status(other.holder);
        if (status === "running" || status === "unknown") return false;
        // It was stopped, or failed, before it could give the lease back.
        await records.releaseLease(key, other.holder);
      }
      return take(execution);
    },
    giveBack: (execution) => records.releaseLease(key, execution),
  };
};
