import type { NodeWrite } from "../emulators/nomad/journal.ts";
import type { Chronicle } from "../world/park.ts";
import {
  cordonOwners,
  describeWrite,
  type Evidence,
  type Invariant,
  isLeaving,
  leavesSince,
  writesOf,
} from "./evidence.ts";
import { findCrowds, known } from "./slots-kept.ts";

/** Drover decides a hook this long before its limit, whatever a person says. Milliseconds. */
const decisionMargin = 120_000;

/**
 * What a person does this long before a drain is posted may have come after the
 * node was read for it: two calls of up to 15 s, and Nomad takes no index to
 * compare with. Milliseconds.
 */
const unseen = 30_000;

/**
 * A node whose instance stays is a person's: Drover writes nothing to it. Nor to
 * one that a person holds by its tag. An instance of ours that is leaving may be
 * drained, also where a person has un-cordoned it meanwhile.
 */
const touched = (evidence: Evidence, write: NodeWrite): string[] => {
  const { instanceId, at } = write;
  const what = describeWrite(write);
  const instance = evidence.instances.find(({ id }) => id === instanceId);
  if (instance === undefined) return [];
  if (evidence.observeOnly) return [`the pool is observe-only and ${instanceId} got ${what}`];
  if (instance.held) return [`${instanceId} is held by its tag and got ${what}`];
  if (at >= leavesSince(evidence, instanceId)) return [];
  return [`${instanceId} stays and got ${what}`];
};

/**
 * A drain of a person's is neither cancelled nor begun anew. Where its instance
 * leaves, it may be shortened to what the hook leaves, or be followed by that of
 * the system jobs which it left out.
 */
const overruled = (chronicle: Chronicle, write: NodeWrite): string[] => {
  const { at, nodeId, instanceId, before, after } = write;
  const { droverAccessor: drover, writes } = chronicle;
  if (!before.drain || before.drain.accessor === drover || !after) return [];
  const wasJustDone = writes.some(
    (other) =>
      other.nodeId === nodeId &&
      other.accessor !== drover &&
      other.call === "drain" &&
      other.at <= at &&
      other.at > at - unseen,
  );
  if (wasJustDone) return [];
  if (!after.drain) return [`the drain of a person on ${instanceId} was cancelled`];
  const { until, ignoreSystemJobs } = before.drain;
  const isShorter =
    after.drain.until !== null && (until === null || after.drain.until <= until + known);
  const isWider = ignoreSystemJobs && !after.drain.ignoreSystemJobs;
  return isShorter || isWider ? [] : [`the drain of a person on ${instanceId} was begun anew`];
};

/** A cordon is lifted only by whoever made it. */
const returned = (chronicle: Chronicle): string[] => {
  const { droverAccessor } = chronicle;
  const found: string[] = [];
  cordonOwners(chronicle, ({ instanceId, accessor, before, after }, owner) => {
    const isLifted = accessor === droverAccessor && !before.eligible && after?.eligible;
    if (isLifted && owner !== droverAccessor)
      found.push(`the cordon of a person on ${instanceId} was lifted`);
  });
  return found;
};

/** Drains of people take slots: Drover begins none beside them that is one too many. */
const crowded = (evidence: Evidence): string[] =>
  findCrowds(evidence)
    .filter(({ ofPeople }) => ofPeople.length > 0)
    .map(
      ({ drain, ofPeople }) =>
        `${drain.instanceId} began to drain while a person drained ${ofPeople
          .map(({ instanceId }) => instanceId)
          .join(" and ")}`,
    );

/** While Drover is stopped no cordon and no drain begins, and no hook is completed that could wait. */
const unstopped = (evidence: Evidence): string[] => {
  const isStopped = (at: number) =>
    evidence.stops.some(
      ({ from, until }) => at >= from + known && (until === undefined || at < until),
    );
  const { droverAccessor, drains = [] } = evidence.chronicle ?? {};
  const seen = new Set<string>();
  const begun = drains.filter(({ nodeId, accessor }) => {
    const isFirst = accessor === droverAccessor && !seen.has(nodeId);
    if (isFirst) seen.add(nodeId);
    return isFirst;
  });
  const cordoned = (evidence.chronicle === undefined ? [] : writesOf(evidence)).filter(
    ({ call, before, after }) => call === "eligibility" && before.eligible && !after?.eligible,
  );
  return [
    ...cordoned
      .filter(({ at }) => isStopped(at))
      .map(({ instanceId }) => `${instanceId} was cordoned while Drover was stopped`),
    ...begun
      .filter(({ startedAt }) => isStopped(startedAt))
      .map(({ instanceId }) => `${instanceId} began to drain while Drover was stopped`),
    ...evidence.instances
      .filter(isLeaving)
      .flatMap(({ id, actions }) =>
        actions
          .filter(
            ({ hook, limitAt, outcome }) =>
              hook === evidence.hook &&
              outcome?.how === "completed" &&
              outcome.by === evidence.accessKey &&
              isStopped(outcome.at) &&
              outcome.at < limitAt - decisionMargin,
          )
          .map(() => `${id} was let go while Drover was stopped`),
      ),
  ];
};

/** What a person holds Drover leaves to its time: it neither lets it go nor keeps it longer. */
const kept = ({ instances, hook, accessKey }: Evidence): string[] =>
  instances
    .filter(({ held }) => held)
    .flatMap(({ id, actions }) =>
      actions
        .filter((action) => action.hook === hook)
        .flatMap(({ outcome, heartbeats }) => [
          ...(outcome?.by === accessKey ? [`${id} is held by its tag and was let go`] : []),
          ...(heartbeats > 0 ? [`${id} is held by its tag and its hook got a heartbeat`] : []),
        ]),
    );

/** Only people and their policies say how many instances there are to be. */
const resized = ({ desired: { asked, is } }: Evidence): string[] =>
  asked === is ? [] : [`the group is to have ${is} instances, and people asked for ${asked}`];

/** What a person did by hand is not undone, and what a person forbade is not done. */
export const personRespected: Invariant = {
  name: "person-respected",
  judge: (evidence) => {
    const { chronicle } = evidence;
    const always = [...unstopped(evidence), ...kept(evidence), ...resized(evidence)];
    if (chronicle === undefined) return always;
    const ours = writesOf(evidence);
    return [
      ...ours.flatMap((write) => touched(evidence, write)),
      ...ours.flatMap((write) => overruled(chronicle, write)),
      ...returned(chronicle),
      ...crowded(evidence),
      ...always,
    ];
  },
};
