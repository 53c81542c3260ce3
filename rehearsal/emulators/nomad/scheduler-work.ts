import type { Allocation, TaskGroup } from "./records.ts";
import type { Evaluation } from "./scheduler.ts";

export const NOT_NEEDED = "alloc not needed due to job update";
export const MIGRATING = "alloc is being migrated";
export const UPDATING = "alloc is being updated due to job update";
export const LOST = "alloc is lost since its node is down";

/** How long an allocation may be on a client that is not heard of, in nanoseconds. */
const patienceOf = (alloc: Allocation): number | null =>
  alloc.Job.TaskGroups.find((group) => group.Name === alloc.TaskGroup)?.MaxClientDisconnect ?? null;

/** Whether the node of an allocation is down, purged, or silent for longer than its job allows. */
export const isOnLostNode = (evaluation: Evaluation, alloc: Allocation): boolean => {
  const node = evaluation.state.nodes.get(alloc.NodeID);
  if (node?.Status === "disconnected") {
    return patienceOf(alloc) === null || evaluation.isExpired(alloc);
  }
  return !node || node.Status === "down";
};

/** One evaluation of a service or batch job: what is lost, moves, is too much or is missing. */
export const reconcileWork = (evaluation: Evaluation): void => {
  const { state, key, job } = evaluation;
  const staying: Allocation[] = [];
  const migrating: Allocation[] = [];
  const lost: Allocation[] = [];

  for (const alloc of state.liveByJob(key)) {
    const gone = isOnLostNode(evaluation, alloc);
    if (alloc.DesiredStatus === "stop") {
      if (gone) evaluation.stop(alloc, LOST, true);
    } else if (!job || job.Stop) evaluation.stop(alloc, NOT_NEEDED, gone);
    else if (gone) {
      evaluation.stop(alloc, LOST, true);
      lost.push(alloc);
    } else if (state.nodes.get(alloc.NodeID)?.Status === "disconnected") {
      // Until its time is over it has a replacement and may still come back.
      evaluation.disconnect(alloc, patienceOf(alloc)!);
      lost.push(alloc);
    } else if (alloc.DesiredTransition.Migrate) migrating.push(alloc);
    else staying.push(alloc);
  }
  if (!job || job.Stop) return;
  for (const group of job.TaskGroups) {
    const ofGroup = (alloc: Allocation) => alloc.TaskGroup === group.Name;
    reconcileGroup(evaluation, group, {
      staying: staying.filter(ofGroup),
      migrating: migrating.filter(ofGroup),
      lost: lost.filter(ofGroup),
    });
  }
};

const reconcileGroup = (
  evaluation: Evaluation,
  group: TaskGroup,
  allocs: { staying: Allocation[]; migrating: Allocation[]; lost: Allocation[] },
) => {
  const { job, held, placement } = evaluation;
  const prefix = `${job!.ID}.${group.Name}[`;
  const waiting = [...held.values()].filter(
    (alloc) => alloc.TaskGroup === group.Name && !evaluation.isRescheduled(alloc),
  );
  let surplus = allocs.staying.length + allocs.migrating.length + waiting.length - group.Count;
  const moving: Allocation[] = [];
  for (const alloc of allocs.migrating) {
    if (surplus > 0) {
      evaluation.stop(alloc, NOT_NEEDED);
      surplus -= 1;
    } else moving.push(alloc);
  }
  for (const alloc of allocs.staying.slice().reverse()) {
    if (surplus <= 0) break;
    evaluation.stop(alloc, NOT_NEEDED);
    surplus -= 1;
  }

  const outdated = allocs.staying.filter(
    (alloc) => alloc.DesiredStatus === "run" && evaluation.isOutdated(alloc),
  );
  const kept = allocs.staying.filter(
    (alloc) => alloc.DesiredStatus === "run" && alloc.Job !== job && !evaluation.isOutdated(alloc),
  );
  const missing = group.Count - allocs.staying.length - moving.length - waiting.length;
  const isService = job!.Type === "service";
  if (isService && (outdated.length > 0 || kept.length > 0 || missing > 0)) {
    evaluation.startDeployment();
  }
  for (const alloc of kept) evaluation.update(alloc);

  const taken = new Set([...allocs.staying, ...moving, ...waiting].map((alloc) => alloc.Name));
  const predecessors = new Map(
    [...held.values(), ...allocs.lost].map((alloc) => [alloc.Name, alloc]),
  );
  // After one failure nothing more of the group is tried: it would find the same.
  let failed = false;
  for (let index = 0; index < group.Count && !failed; index += 1) {
    const name = `${prefix}${index}]`;
    if (taken.has(name)) continue;
    const previous = predecessors.get(name);
    const node = placement.choose(job!, group.Name, previous);
    if (node) evaluation.place(group.Name, name, node, previous);
    else failed = true;
  }
  // What migrates is stopped in any case, even where nothing has room for its replacement.
  for (const alloc of moving) evaluation.stop(alloc, MIGRATING);
  for (const alloc of moving) {
    if (failed) break;
    const node = placement.choose(job!, group.Name, alloc);
    if (node) evaluation.place(group.Name, alloc.Name, node, alloc);
    else failed = true;
  }
  for (const alloc of outdated.slice(0, updatesAllowed(evaluation, group))) {
    if (failed) break;
    // Its room is free for its successor. Without a successor it stays.
    alloc.DesiredStatus = "stop";
    const node = placement.choose(job!, group.Name, alloc);
    alloc.DesiredStatus = "run";
    if (node) {
      evaluation.stop(alloc, UPDATING);
      evaluation.place(group.Name, alloc.Name, node, alloc);
    } else failed = true;
  }
  if (failed) evaluation.block();
};

/** How many allocations may be replaced now by those of a new version. */
const updatesAllowed = ({ state, key, job, deployment }: Evaluation, group: TaskGroup): number => {
  if (job?.Type !== "service") return Number.POSITIVE_INFINITY;
  if (deployment?.Status !== "running") return 0;
  const own = [...state.liveByJob(key)].filter(
    (alloc) => alloc.DeploymentID === deployment.ID && alloc.TaskGroup === group.Name,
  );
  if (own.some((alloc) => alloc.DeploymentStatus?.Healthy === false)) return 0;
  const unready = own.filter((alloc) => alloc.DeploymentStatus?.Healthy !== true).length;
  return Math.max(0, (group.Update?.MaxParallel ?? 1) - unready);
};
