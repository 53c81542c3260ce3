import type { DrainFact } from "../emulators/nomad/census.ts";
import type { Evidence, Invariant } from "./evidence.ts";
import { couldNotWait } from "./no-job-starved.ts";

/** What a person does this long before, Drover cannot but know of. Milliseconds. */
export const known = 60_000;

/** A drain of Drover's that was one too many when it began. */
export interface Crowd {
  readonly drain: DrainFact;
  /** Those that were open already. */
  readonly besides: readonly DrainFact[];
  readonly ofPeople: readonly DrainFact[];
}

/** Drains that began beside as many as there are slots, or as Nomad stands, and could have waited. */
export const findCrowds = (evidence: Evidence): Crowd[] => {
  const { chronicle, clusterSlots, ends } = evidence;
  if (chronicle === undefined) return [];
  const { droverAccessor, drains } = chronicle;
  const slots = chronicle.keepsMaxParallel ? clusterSlots : 1;
  return drains.flatMap((drain, index): Crowd[] => {
    if (drain.accessor !== droverAccessor) return [];
    const earlier = drains.slice(0, index);
    // The second pass of a node keeps the slot of the first.
    const isFirst = !earlier.some(
      ({ nodeId, accessor }) => nodeId === drain.nodeId && accessor === droverAccessor,
    );
    // What ran on a machine that has died moves away by itself, whatever its drain still says.
    const isDead = (instanceId: string): boolean =>
      ends.some((end) => end.instanceId === instanceId && end.at <= drain.startedAt);
    const besides = earlier.filter(
      ({ nodeId, instanceId, accessor, startedAt, endedAt }) =>
        nodeId !== drain.nodeId &&
        !isDead(instanceId) &&
        startedAt <= drain.startedAt - (accessor === droverAccessor ? 0 : known) &&
        (endedAt === undefined || endedAt > drain.startedAt),
    );
    if (!isFirst || besides.length < slots || couldNotWait(evidence, drain)) return [];
    const ofPeople = besides.filter(({ accessor }) => accessor !== droverAccessor);
    return [{ drain, besides, ofPeople }];
  });
};

/**
 * No more of Drover's drains are open at once than there are slots, whatever
 * became of the executions that began them. (Beside those of people: see
 * `person-respected`.)
 */
export const slotsKept: Invariant = {
  name: "slots-kept",
  judge: (evidence) =>
    findCrowds(evidence)
      .filter(({ ofPeople }) => ofPeople.length === 0)
      .map(
        ({ drain, besides }) =>
          `${drain.instanceId} began to drain while Drover drained ${besides
            .map(({ instanceId }) => instanceId)
            .join(" and ")}`,
      ),
};
