import type { Evaluation } from "./scheduler.ts";
import { isOnLostNode, LOST, NOT_NEEDED, UPDATING } from "./scheduler-work.ts";

const TAINTED = "alloc not needed as node is tainted";

/** One evaluation of a system or sysbatch job on the nodes that changed. */
export const reconcileSystem = (evaluation: Evaluation): void => {
  const { state, job, key, placement } = evaluation;
  const inScope = (nodeId: string) => evaluation.nodes === "all" || evaluation.nodes.has(nodeId);
  const allocs =
    evaluation.nodes === "all"
      ? [...state.liveByJob(key)]
      : [...evaluation.nodes].flatMap((id) =>
          [...state.liveByNode(id)].filter((alloc) => `${alloc.Namespace}/${alloc.JobID}` === key),
        );

  for (const alloc of allocs) {
    const gone = isOnLostNode(evaluation, alloc);
    if (alloc.DesiredStatus === "stop") {
      if (gone) evaluation.stop(alloc, LOST, true);
    } else if (!job || job.Stop) evaluation.stop(alloc, NOT_NEEDED, gone);
    else if (alloc.DesiredTransition.Migrate) evaluation.stop(alloc, TAINTED, gone);
    else if (gone) evaluation.stop(alloc, LOST, true);
  }
  if (!job || job.Stop) return;

  const nodes =
    evaluation.nodes === "all"
      ? placement.nodesIn(job.NodePool)
      : [...evaluation.nodes].flatMap((id) => state.nodes.get(id) ?? []);
  for (const node of nodes) {
    const inPool = job.NodePool === "all" || job.NodePool === node.NodePool;
    if (!inPool || !inScope(node.ID) || !placement.isSchedulable(node)) continue;
    for (const group of job.TaskGroups) {
      // A cordoned node is not looked at: the old version runs on there (nomad#7253).
      const outdated = [...state.liveByNode(node.ID)].filter(
        (alloc) =>
          `${alloc.Namespace}/${alloc.JobID}` === key &&
          alloc.TaskGroup === group.Name &&
          alloc.DesiredStatus === "run" &&
          evaluation.isOutdated(alloc),
      );
      for (const alloc of outdated) evaluation.stop(alloc, UPDATING);
      const present = [...state.allocsByNode(node.ID)].some(
        (alloc) =>
          `${alloc.Namespace}/${alloc.JobID}` === key &&
          alloc.TaskGroup === group.Name &&
          // One that ran to its end is not run again; a system job's is.
          (alloc.DesiredStatus === "run" || job.Type === "sysbatch") &&
          (job.Type === "sysbatch" || !["complete", "failed", "lost"].includes(alloc.ClientStatus)),
      );
      if (present) continue;
      if (placement.fits(node, job, group.Name)) {
        evaluation.place(group.Name, `${job.ID}.${group.Name}[0]`, node, undefined);
      } else evaluation.block();
    }
  }
};
