import assert from "node:assert/strict";
import { test } from "node:test";
import { allFaults, findFault } from "../../../rehearsal/faults/catalogue.ts";
import { directAll } from "./directed.ts";

test("every fault strikes in every state that it can strike, and nothing breaks", async (t) => {
  const { matrix, unvisited, findings } = await directAll(allFaults.map(findFault), "retire-node", [
    "an ordinary scale-in",
    "a person retires an instance, and the group replaces it",
    "a person stops Drover",
    "a person stops Drover while it drains",
    "the token is refused for a while",
    "batch work that runs past its deadline and stops slowly",
    "system jobs that stop slowly, and a hook with a short heartbeat",
    "Nomad cannot be reached for longer than the hook lives",
  ]);
  t.diagnostic(`how often each fault struck in each state:\n${matrix.render()}`);
  assert.deepEqual(unvisited, [], "states that no scout comes to");
  assert.deepEqual(findings, []);
  assert.deepEqual(
    matrix.holes().map(({ fault, state }) => `${fault} never struck in ${state}`),
    [],
  );
});
