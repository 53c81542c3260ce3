import type { LiveTask, MachineEnd } from "../world/park.ts";
import {
  actionOf,
  type Evidence,
  type InstanceFact,
  type Invariant,
  leavesSince,
} from "./evidence.ts";

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
  if (end.drainStartedAt === undefined) return action.limitAt - decisionMargin * 1000;
  // Nomad remembers drains of before, which took nothing off this one's time.
  const from = Math.max(end.drainStartedAt, leavesSince(evidence, instance.id));
  return from + evidence.drainDeadlineSeconds * 1000;
};

const minimum = (one: number, other: number | undefined): number =>
  other === undefined ? one : Math.min(one, other);

/**
 * Live tasks that were still to be left alone. One that was told to stop has its
 * kill time-out for it, also past the deadline, unless the hook lives no longer.
 */
const tooEarly = (
  evidence: Evidence,
  instance: InstanceFact,
  { at, liveTasks }: MachineEnd,
  deadline: number,
): LiveTask[] => {
  const action = actionOf(instance, evidence.hook);
  const last = action && action.limitAt - decisionMargin * 1000;
  return liveTasks.filter(({ stopsBy }) => at < Math.max(deadline, minimum(stopsBy ?? 0, last)));
};

/** Data that had not left a machine, although it ended before the deadline: disks and volumes. */
const lostData = (evidence: Evidence, instance: InstanceFact, end: MachineEnd): string[] => {
  const deadline = deadlineOf(evidence, instance, end);
  if (deadline === undefined || end.at >= deadline) return [];
  const empty = (evidence.chronicle?.emptyStarts ?? []).filter(({ from }) => from === instance.id);
  return [...empty.map(({ job }) => `the data of ${job}`), ...(end.claims ?? [])].map(
    (what) => `${instance.id} ended before ${what} had left it`,
  );
};

/** No instance ends with a live task on it before the deadline that its work was given. */
export const noLiveWorkLost: Invariant = {
  name: "no-live-work-lost",
  judge: (evidence) =>
    evidence.ends.flatMap((end) => {
      const { instanceId, at } = end;
      const instance = evidence.instances.find(({ id }) => id === instanceId);
      if (instance === undefined) return [];
      const deadline = deadlineOf(evidence, instance, end);
      const tasks = deadline === undefined ? [] : tooEarly(evidence, instance, end, deadline);
      const data = lostData(evidence, instance, end);
      if (deadline === undefined || tasks.length === 0) return data;
      const jobs = [...new Set(tasks.map(({ job }) => job))].join(", ");
      const when =
        at < deadline
          ? `${Math.round((deadline - at) / 1000)} s before its deadline`
          : "while they were still stopping";
      return [`${instanceId} ended ${when} with ${tasks.length} live tasks of ${jobs}`, ...data];
    }),
};
