import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Fault } from "../../../rehearsal/faults/fault.ts";
import type { SituationName } from "../../mutants/situations/situations.ts";
import { directAll } from "./directed.ts";

/** Situations that take executions through every state of a retirement. */
const retirements: readonly SituationName[] = [
  "one instance leaves",
  "an ordinary scale-in",
  "a person retires an instance, and the group replaces it",
  "a person stops Drover",
  "a person stops Drover while it drains",
  "a person drains a node that stays",
  "the token is refused for a while",
  "batch work that runs past its deadline and stops slowly",
  "Nomad is busy once a drain has begun",
  "system jobs that stop slowly, and a hook with a short heartbeat",
  "Nomad cannot be reached for longer than the hook lives",
];

/** The same of a run of the reconciler that repairs something. */
const repairs: readonly SituationName[] = [
  "the event of a hook is lost",
  "a person stops an execution while it drains",
  "a person stops an execution once its hook is decided",
  "a person retires an instance, and stops that once its node is cordoned",
];

const cover = async (
  t: TestContext,
  machine: string,
  faults: readonly Fault[],
  scouts: readonly SituationName[],
): Promise<void> => {
  const { matrix, unvisited, findings } = await directAll(faults, machine, scouts);
  t.diagnostic(`how often each fault struck in each state of ${machine}:\n${matrix.render()}`);
  assert.deepEqual(unvisited, [], "states that no situation comes to");
  assert.deepEqual(findings, []);
  assert.deepEqual(
    matrix.holes().map(({ fault, state }) => `${fault} never struck in ${state}`),
    [],
  );
};

/** Has each fault strike wherever it can in a retirement; nothing breaks, and no cell is left out. */
export const coverRetirements = (t: TestContext, faults: readonly Fault[]): Promise<void> =>
  cover(t, "retire-node", faults, retirements);

/** The same in a repair; of people and of the instances themselves it sees nothing. */
export const coverRepairs = (t: TestContext, faults: readonly Fault[]): Promise<void> =>
  cover(
    t,
    "reconcile",
    faults.filter(({ reach }) => reach.of === "functions" || reach.of === "calls"),
    repairs,
  );
