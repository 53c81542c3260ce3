import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { faultNames, findFault } from "../../../rehearsal/faults/catalogue.ts";
import type { Fault } from "../../../rehearsal/faults/fault.ts";
import type { SituationName } from "../../mutants/situations/situations.ts";
import { directAll } from "./directed.ts";

/** @param scouts - situations that take executions through every state of the machine */
const cover = async (
  t: TestContext,
  machine: string,
  faults: readonly Fault[],
  scouts: readonly SituationName[],
): Promise<void> => {
  const { matrix, unvisited, findings } = await directAll(faults, machine, scouts);
  t.diagnostic(`how often each fault struck in each state of ${machine}:\n${matrix.render()}`);
  assert.deepEqual(unvisited, [], "states that no scout comes to");
  assert.deepEqual(findings, []);
  assert.deepEqual(
    matrix.holes().map(({ fault, state }) => `${fault} never struck in ${state}`),
    [],
  );
};

/** What an execution that is stopped later leaves of its instance, a person has to see to. */
const whatIsRepaired = (fault: Fault): Fault =>
  fault.name === "execution-stopped"
    ? { ...fault, reach: { of: "executions", until: "Complete hook" } }
    : fault;

const all = faultNames.map(findFault).map(whatIsRepaired);

test("every fault strikes wherever it can in a retirement, and nothing breaks", (t) =>
  cover(t, "retire-node", all, [
    "an ordinary scale-in",
    "a person retires an instance, and the group replaces it",
    "a person stops Drover",
    "a person stops Drover while it drains",
    "the token is refused for a while",
    "batch work that runs past its deadline and stops slowly",
    "system jobs that stop slowly, and a hook with a short heartbeat",
    "Nomad cannot be reached for longer than the hook lives",
  ]));

test("every fault of functions and their calls strikes wherever it can in a repair", (t) => {
  const ofFunctions = all.filter(({ reach }) => ["functions", "calls"].includes(reach.of));
  return cover(t, "reconcile", ofFunctions, [
    "the event of a hook is lost",
    "a person stops an execution while it drains",
  ]);
});
