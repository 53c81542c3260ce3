import type { Fault, Occurrence } from "../faults/fault.ts";
import { seededBy } from "../random.ts";
import type { StateTraits } from "./read-states.ts";

/** For those that last: longer than any retirement in a rehearsal. Milliseconds. */
const aWhile = 4 * 3_600_000;

/**
 * Has a fault strike in a state: its calls by the state that makes them, its
 * moment by the one that is come to. How it strikes is drawn, by both names.
 */
export const directAt = ({ name, reach, draw }: Fault, state: StateTraits): Occurrence => {
  const { how, lasts } = draw(seededBy(0, `${name} in ${state.name}`));
  const chosen = { fault: name, at: 0, ...(how !== undefined && { how }) };
  // Without a leader there is no call that it could be counted by.
  if (name === "nomad-leaderless") return { ...chosen, state: state.name, lasts: 20_000 };
  if (name === "cold-starts") return { ...chosen, lasts: aWhile };
  return reach.of === "executions"
    ? { ...chosen, state: state.name, ...(lasts !== undefined && { lasts }) }
    : { ...chosen, calls: { of: state.name, nth: 1, times: 1 } };
};
