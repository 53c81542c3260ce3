import type { Random } from "../random.ts";
import { between } from "../random.ts";
import type { JobType, RehearsalJob } from "../world/park.ts";

/** Of twenty jobs: what a cluster mostly runs, and a little of what is awkward to drain. */
const mix: readonly JobType[] = [
  ...Array<JobType>(11).fill("service"),
  ...Array<JobType>(6).fill("batch"),
  ...Array<JobType>(2).fill("system"),
  "sysbatch",
];

/**
 * Jobs of all types, in a mix that the seed decides. The first four are one of
 * each, so that a small rehearsal has all of them.
 *
 * @param batchSeconds - bounds of how long batch work takes
 */
export const mixJobs = (
  random: Random,
  number: number,
  batchSeconds: readonly [number, number],
): RehearsalJob[] => {
  const first: readonly JobType[] = ["service", "batch", "system", "sysbatch"];
  return Array.from({ length: number }, (_, index) => {
    const type = first[index] ?? mix[Math.floor(random() * mix.length)] ?? "service";
    const isBatch = type === "batch" || type === "sysbatch";
    const isEverywhere = type === "system" || type === "sysbatch";
    return {
      id: `${type}-${index + 1}`,
      type,
      count: isEverywhere
        ? 1
        : isBatch
          ? 1 + Math.floor(random() * 2)
          : 2 + Math.floor(random() * 6),
      ...(isBatch && { runSeconds: Math.round(between(random, batchSeconds)) }),
    };
  });
};
