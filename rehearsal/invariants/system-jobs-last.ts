import { type Invariant, writesOf } from "./evidence.ts";

/**
 * System jobs run until the work that needs them has left, or its time is over:
 * log shippers ship what the others wrote last, and plugins unmount volumes.
 */
export const systemJobsLast: Invariant = {
  name: "system-jobs-last",
  judge: (evidence) => {
    const untilOf = new Map<string, number>();
    return writesOf(evidence).flatMap(({ at, nodeId, instanceId, before, after }) => {
      const drain = after?.drain;
      if (!drain) return [];
      // A person's drain that is taken over gave the work its time.
      const until = untilOf.get(nodeId) ?? before.drain?.until ?? Number.POSITIVE_INFINITY;
      if (drain.ignoreSystemJobs) {
        untilOf.set(nodeId, drain.until ?? Number.POSITIVE_INFINITY);
        return [];
      }
      // On a dead machine nothing needs them any more.
      return before.work > 0 && before.status !== "down" && at < until
        ? [`the system jobs of ${instanceId} were drained beside ${before.work} others`]
        : [];
    });
  },
};
