import type { MachineEnd } from "../world/park.ts";
import { actionOf, type Evidence, type InstanceFact, type Invariant } from "./evidence.ts";

/** Drover decides a hook this long before Auto Scaling would, in seconds. */
const decisionMargin = 60;

/**
 * Until when work has to be left alone. A machine was not in our hands when no
 * hook held it, or when it died while one did: then there is no such time.
 */
const deadlineOf = (
  evidence: Evidence,
  instance: InstanceFact,
  end: MachineEnd,
): number | undefined => {
  const action = actionOf(instance, evidence.hook);
  if (action?.outcome === undefined || action.outcome.at > end.at) return undefined;
  return end.drainStartedAt === undefined
    ? action.limitAt - decisionMargin * 1000
    : end.drainStartedAt + evidence.drainDeadlineSeconds * 1000;
};

/** No instance ends with a live task on it before the deadline that its work was given. */
export const noLiveWorkLost: Invariant = {
  name: "no-live-work-lost",
  judge: (evidence) =>
    evidence.ends.flatMap((end) => {
      const { instanceId, at, liveTasks } = end;
      const instance = evidence.instances.find(({ id }) => id === instanceId);
      if (instance === undefined || liveTasks.length === 0) return [];
      const deadline = deadlineOf(evidence, instance, end);
      if (deadline === undefined || at >= deadline) return [];
      const jobs = [...new Set(liveTasks.map(({ job }) => job))].join(", ");
      return [
        `${instanceId} ended ${Math.round((deadline - at) / 1000)} s before its deadline with ${liveTasks.length} live tasks of ${jobs}`,
      ];
    }),
};
