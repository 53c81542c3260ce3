import type { Occurrence, Schedule } from "./fault.ts";

/** Whether what is to be found out still shows under a schedule. */
export type StillFails = (schedule: Schedule) => Promise<boolean>;

/** Shorter than this, nothing is learned from a span. Milliseconds. */
const shortestSpan = 1000;

/** Simpler forms of one occurrence, the simplest first. */
const simplify = (occurrence: Occurrence): Occurrence[] => {
  const { lasts, calls, share } = occurrence;
  const simpler: Occurrence[] = [];
  if (lasts !== undefined && lasts > shortestSpan)
    for (const part of [4, 2, 4 / 3])
      simpler.push({ ...occurrence, lasts: Math.max(shortestSpan, Math.round(lasts / part)) });
  if (calls !== undefined && (calls.times ?? 1) > 1)
    for (const times of [1, Math.floor((calls.times ?? 1) / 2)])
      simpler.push({ ...occurrence, calls: { ...calls, times } });
  if (share !== undefined && share < 1) simpler.push({ ...occurrence, share: 1 });
  return simpler;
};

/** Leaves out a part of a list: its halves first, at last single ones. */
const partsOf = function* (schedule: Schedule): Generator<Schedule> {
  for (let size = Math.ceil(schedule.length / 2); size >= 1; size = Math.ceil(size / 2)) {
    for (let from = 0; from < schedule.length; from += size)
      yield schedule.filter((_, index) => index < from || index >= from + size);
    if (size === 1) return;
  }
};

/** Schedules with one occurrence in a simpler form. */
const simplerOf = function* (schedule: Schedule): Generator<Schedule> {
  for (const [index, occurrence] of schedule.entries())
    for (const simpler of simplify(occurrence)) yield schedule.with(index, simpler);
};

/**
 * Looks for the shortest schedule that still fails: first with fewer
 * occurrences, then with shorter ones. Each step that fails is gone on from.
 *
 * @param mostRuns - how often it may be tried at most
 */
export const shrinkSchedule = async (
  schedule: Schedule,
  stillFails: StillFails,
  mostRuns = 80,
): Promise<Schedule> => {
  let shortest = schedule;
  let runs = 0;
  const takeFirst = async (candidates: Iterable<Schedule>): Promise<boolean> => {
    for (const candidate of candidates) {
      if (runs >= mostRuns) return false;
      runs += 1;
      if (!(await stillFails(candidate))) continue;
      shortest = candidate;
      return true;
    }
    return false;
  };
  while (shortest.length > 0 && (await takeFirst(partsOf(shortest))));
  while (await takeFirst(simplerOf(shortest)));
  return shortest;
};
