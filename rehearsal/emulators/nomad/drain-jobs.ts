import type { Allocation, Job, TaskGroup } from "./records.ts";
import { isClientTerminal, isTerminal, jobKeyOf } from "./records.ts";
import type { State } from "./state.ts";

/** Which allocations a job may move now, and whether it still has some on draining nodes. */
export interface JobVerdict {
  readonly drain: Allocation[];
  readonly done: boolean;
}

/**
 * How far `max_parallel` holds when more than one node drains (nomad#25979):
 *
 * - `kept`: as since #26175 (1.10.3).
 * - `raced`: as before. An allocation that is marked but not yet stopped counts
 *   as healthy, so that a second one may be marked in the milliseconds between;
 *   it takes a second job to wake the drainer just then.
 * - `ignored`: the worst that this can come to, always. Each draining node has
 *   `max_parallel` of its own: a service with one allocation on each stops whole.
 */
export type MaxParallel = "kept" | "raced" | "ignored";

export interface DrainRules {
  readonly maxParallel: MaxParallel;
}

/** How the drainer looks at a job with allocations on draining nodes. */
export const judgeJob = (state: State, job: Job, rules: DrainRules): JobVerdict => {
  const isBatch = job.Type === "batch";
  // Groups without a migrate block are not watched: a sysbatch job is "done" at once, so that
  // nobody notices when its last allocation ends.
  const groups = job.TaskGroups.filter((group) => group.Migrate !== null || isBatch);
  const live = [...state.liveByJob(`${job.Namespace}/${job.ID}`)];
  const drain: Allocation[] = [];
  let done = true;
  for (const group of groups) {
    const allocs = live.filter((alloc) => alloc.TaskGroup === group.Name);
    const onDraining = allocs.filter(
      (alloc) => state.nodes.get(alloc.NodeID)?.DrainStrategy != null,
    );
    if (onDraining.length > 0) done = false;
    // Batch work may end by itself until the deadline.
    if (isBatch) continue;
    const drainable = onDraining.filter((alloc) => !alloc.DesiredTransition.Migrate);
    drain.push(...choose(state, group, allocs, drainable, onDraining, rules));
  }
  return { drain, done };
};

const isSecondDrain = (state: State): boolean => {
  const draining = [...state.ineligible].filter((node) => node.DrainStrategy !== null);
  return draining.length > 1;
};

const choose = (
  state: State,
  group: TaskGroup,
  allocs: Allocation[],
  drainable: Allocation[],
  onDraining: Allocation[],
  rules: DrainRules,
): Allocation[] => {
  const parallel = group.Migrate!.MaxParallel;
  const healthy = allocs.filter(
    (alloc) =>
      !isTerminal(alloc) &&
      alloc.DeploymentStatus?.Healthy != null &&
      !(rules.maxParallel === "kept" && alloc.DesiredTransition.Migrate),
  ).length;
  const allowed = Math.max(0, healthy - (group.Count - parallel));
  if (rules.maxParallel !== "ignored" || !isSecondDrain(state)) return drainable.slice(0, allowed);
  const nodes = new Set(onDraining.map((alloc) => alloc.NodeID));
  return [...nodes].flatMap((nodeId) => {
    const moving = onDraining.some(
      (alloc) =>
        alloc.NodeID === nodeId && alloc.DesiredTransition.Migrate && !isClientTerminal(alloc),
    );
    return moving ? [] : drainable.filter((alloc) => alloc.NodeID === nodeId).slice(0, parallel);
  });
};

/** What of a job on one node is moved at once where nobody counts the other nodes. */
export const firstsOf = (state: State, key: string, own: ReadonlySet<Allocation>): Allocation[] =>
  (state.jobs.get(key)?.TaskGroups ?? []).flatMap((group) =>
    [...own]
      .filter((alloc) => jobKeyOf(alloc) === key && alloc.TaskGroup === group.Name)
      .slice(0, group.Migrate?.MaxParallel ?? 0),
  );

/** System jobs and plugins are left to the moment in which the drain is complete. */
const isLeftToTheEnd = (alloc: Allocation): boolean =>
  alloc.Job.Type === "system" ||
  alloc.Job.TaskGroups.some((group) => group.Tasks.some((task) => task.CSIPluginConfig !== null));

/** Whether nothing on a node holds its drain open. */
export const isDrained = (state: State, nodeId: string): boolean =>
  [...state.liveByNode(nodeId)].every(isLeftToTheEnd);

/** What is stopped when the drain ends, by itself or by its deadline. */
export const remainingAllocs = (state: State, nodeId: string): Allocation[] => {
  const ignoreSystem = state.nodes.get(nodeId)?.DrainStrategy?.IgnoreSystemJobs ?? false;
  return [...state.liveByNode(nodeId)].filter(
    (alloc) => !isTerminal(alloc) && !(alloc.Job.Type === "system" && ignoreSystem),
  );
};

/** The jobs on a node that can hold its drain open. */
export const drainingJobs = (state: State, nodeId: string): Set<string> =>
  new Set(
    [...state.liveByNode(nodeId)]
      .filter((alloc) => !isTerminal(alloc) && !isLeftToTheEnd(alloc))
      .map(jobKeyOf),
  );
