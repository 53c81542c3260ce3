import type { NodeWrite } from "../emulators/nomad/journal.ts";
import { actionOf, type Evidence, type Invariant, writesOf } from "./evidence.ts";
import { afterDrainSeconds } from "./no-job-starved.ts";

/** What a deadline may move by although it is the same: calls take their time. */
const tolerance = 1_000;

const judgeDrain = (evidence: Evidence, { at, instanceId, before, after }: NodeWrite): string[] => {
  const drover = evidence.chronicle?.droverAccessor;
  const drain = after?.drain;
  if (!drain) return [];
  if (drain.until === null) return [`the drain of ${instanceId} has no deadline`];
  const found: string[] = [];
  const isSame =
    before.drain?.accessor === drover && before.drain?.ignoreSystemJobs === drain.ignoreSystemJobs;
  const was = before.drain?.until;
  if (isSame && (was === null || was === undefined || drain.until > was + tolerance))
    found.push(`the deadline of the drain of ${instanceId} was begun anew`);
  const instance = evidence.instances.find(({ id }) => id === instanceId);
  const action = instance && actionOf(instance, evidence.hook);
  const wanted = evidence.drainDeadlineSeconds;
  const left = action ? (action.limitAt - at) / 1000 - afterDrainSeconds : wanted;
  // At its end Nomad stops what is left: work that is given less than it is to have is lost by us.
  if (drain.ignoreSystemJobs && drain.until < at + Math.min(wanted, left) * 1000 - tolerance)
    found.push(`the work of ${instanceId} got ${Math.round((drain.until - at) / 1000)} s to leave`);
  // One that begins when the hook is over already is no longer under it.
  if (action && at < action.limitAt && drain.until > action.limitAt)
    found.push(`the drain of ${instanceId} may last longer than its hook`);
  return found;
};

/**
 * A drain has a deadline, which gives the work as long as people have said, gets
 * it once, and ends within its hook. Posting it again would begin the deadline
 * anew, and so extend it for ever.
 */
export const deadlinesKept: Invariant = {
  name: "deadlines-kept",
  judge: (evidence) =>
    writesOf(evidence)
      .filter(({ call }) => call === "drain")
      .flatMap((write) => judgeDrain(evidence, write)),
};
