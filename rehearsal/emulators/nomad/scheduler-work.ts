import type { Allocation, TaskGroup } from "./records.ts";
import type { Evaluation } from "./scheduler.ts";

export const NOT_NEEDED = "alloc not needed due to job update";
export const MIGRATING = "alloc is being migrated";
export const LOST = "alloc is lost since its node is down";

/** Whether the node of an allocation is down or purged. */
export const isOnLostNode = ({ state }: Evaluation, alloc: Allocation): boolean => {
  const node = state.nodes.get(alloc.NodeID);
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
  if (failed) evaluation.block();
};
