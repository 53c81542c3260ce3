import { actionOf, type Evidence, type InstanceFact, type Invariant } from "./evidence.ts";

/** Drover decides a hook this long before Auto Scaling would, in seconds. */
const decisionMargin = 60;

/** Until when work has to be left alone. A machine that no hook held was not in our hands. */
const deadlineOf = (evidence: Evidence, instance: InstanceFact): number | undefined => {
  const end = evidence.ends.find(({ instanceId }) => instanceId === instance.id);
  if (end?.drainStartedAt !== undefined)
    return end.drainStartedAt + evidence.drainDeadlineSeconds * 1000;
  const action = actionOf(instance, evidence.hook);
  return action && action.limitAt - decisionMargin * 1000;
};

/** No instance ends with a live task on it before the deadline that its work was given. */
export const noLiveWorkLost: Invariant = {
  name: "no-live-work-lost",
  judge: (evidence) =>
    evidence.ends.flatMap(({ instanceId, at, liveTasks }) => {
      const instance = evidence.instances.find(({ id }) => id === instanceId);
      if (instance === undefined || liveTasks.length === 0) return [];
      const deadline = deadlineOf(evidence, instance);
      if (deadline === undefined || at >= deadline) return [];
      const jobs = [...new Set(liveTasks.map(({ job }) => job))].join(", ");
      return [
        `${instanceId} ended ${Math.round((deadline - at) / 1000)} s before its deadline with ${liveTasks.length} live tasks of ${jobs}`,
      ];
    }),
};
