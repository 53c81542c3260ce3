import type { DrainFact, Shortage } from "../emulators/nomad/census.ts";
import { actionOf, type Evidence, type Invariant } from "./evidence.ts";

/**
 * What has to fit between the deadline of a drain and the limit of its hook, in
 * seconds: twice the kill time-outs, the system jobs, the last calls, and a
 * round of the queue.
 */
export const afterDrainSeconds = 660;

/**
 * Whether a drain could wait no longer when it began: its hook would not have
 * lived through its deadline. Such a one begins without a slot (Drover counts it
 * as DrainsWithoutSlot), since work cut off for certain is worse.
 */
export const couldNotWait = (
  evidence: Evidence,
  { instanceId, startedAt }: Pick<DrainFact, "instanceId" | "startedAt">,
): boolean => {
  const instance = evidence.instances.find(({ id }) => id === instanceId);
  const action = instance && actionOf(instance, evidence.hook);
  if (action === undefined) return false;
  const left = (action.limitAt - startedAt) / 1000;
  return left <= evidence.drainDeadlineSeconds + afterDrainSeconds;
};

const starved = (evidence: Evidence) =>
  (evidence.chronicle?.shortages ?? []).flatMap((shortage) => {
    const own = shortage.drains.filter(
      ({ accessor }) => accessor === evidence.chronicle?.droverAccessor,
    );
    if (own.length < 2) return [];
    return [{ shortage, isForced: own.some((drain) => couldNotWait(evidence, drain)) }];
  });

const tell = ({ job, healthy, count, least, drains }: Shortage): string =>
  `${job} had ${healthy} of ${count} left, at least ${least} have to be, while ${drains
    .map(({ instanceId }) => instanceId)
    .join(" and ")} drained`;

/**
 * No service is left with less than its `migrate` block permits because Drover
 * drains two nodes at once. Where Nomad has the fix (#26175) it sees to that
 * itself; where it has not, only one may drain.
 */
export const noJobStarved: Invariant = {
  name: "no-job-starved-by-two-drains",
  judge: (evidence) =>
    starved(evidence)
      .filter(({ isForced }) => !isForced)
      .map(({ shortage }) => tell(shortage)),
  report: (evidence) =>
    starved(evidence)
      .filter(({ isForced }) => isForced)
      .map(({ shortage }) => `${tell(shortage)}: a hook lived no longer, so it had to`),
};
