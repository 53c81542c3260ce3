import { type Random, seededBy } from "../random.ts";
import { findFault } from "./catalogue.ts";
import { someOf, whole } from "./draw.ts";
import type { Occurrence, Schedule } from "./fault.ts";

export type { Occurrence, Schedule } from "./fault.ts";

/** More than this at once is no bad day any more, and nothing would be found out about any of it. */
const mostAtOnce = 5;

const drawFault = (random: Random, name: string): Occurrence[] => {
  const { draw } = findFault(name);
  return Array.from({ length: random() < 0.3 ? 2 : 1 }, () => ({ fault: name, ...draw(random) }));
};

/**
 * Draws what goes wrong: each of a few faults, or some of many.
 *
 * @param faults - names from the catalogue
 * @returns in the order of time; the same for the same seed and names
 */
export const drawSchedule = (seed: number, faults: readonly string[]): Schedule => {
  const random = seededBy(seed, "faults");
  const struck =
    faults.length > mostAtOnce ? someOf(random, faults, whole(random, 1, mostAtOnce)) : faults;
  return struck
    .flatMap((name) => drawFault(random, name))
    .toSorted((one, other) => one.at - other.at);
};
