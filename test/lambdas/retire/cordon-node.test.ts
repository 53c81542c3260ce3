import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import * as cordonNode from "../../../lambdas/retire/cordon-node.ts";
import * as findNode from "../../../lambdas/retire/find-node.ts";
import type { Cordon, Node } from "../../../lambdas/retire/retirement.ts";
import type { Instance } from "../../../rehearsal/emulators/auto-scaling/state.ts";
import { type Bench, startBench } from "../bench.ts";
import { retirementOf } from "../pool.ts";
import { raiseWork, setEligibility } from "./stages.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const found = async (instance: Instance) => {
  const retirement = retirementOf(bench, instance);
  const node = await bench.call<Node>(findNode, retirement);
  await bench.pass(5);
  bench.operations();
  return { ...retirement, node };
};
const cordon = (state: unknown) => bench.call<Cordon>(cordonNode, state);
const eligibilityOf = ({ id }: Instance) => bench.nomad.truth.node(id)?.SchedulingEligibility;
const writes = () => bench.operations("nomad").filter((each) => each.startsWith("PUT"));

describe("a cordon", () => {
  test("makes the node ineligible, and says that it was Drover", async () => {
    const instance = await raiseWork(bench, [{ id: "web" }]);
    const state = await found(instance);
    const { by, at, volumes, migratingDisks } = await cordon(state);
    assert.equal(eligibilityOf(instance), "ineligible");
    assert.deepEqual([by, volumes, migratingDisks], ["drover", [], []]);
    assert.ok(bench.clock.now() - Date.parse(at) < 100);
  });

  test("is not made again, and stays Drover's: after an outage, and after a crash before its answer", async () => {
    const instance = await raiseWork(bench, []);
    const state = await found(instance);
    const first = await cordon(state);
    assert.equal(writes().length, 1);
    await bench.pass(60);
    const known = await cordon({ ...state, cordon: first });
    assert.deepEqual([known.by, known.at], ["drover", first.at]);
    const crashed = await cordon(state);
    assert.equal(crashed.by, "drover");
    assert.deepEqual(writes(), []);
  });

  test("that somebody else made before is theirs", async () => {
    const instance = await raiseWork(bench, []);
    await setEligibility(bench, bench.nomad.truth.node(instance.id)?.ID ?? "", "ineligible");
    await bench.pass(10);
    const state = await found(instance);
    assert.equal((await cordon(state)).by, "somebody else");
    assert.deepEqual(writes(), []);
  });

  test("of a node that is gone is none, and no error", async () => {
    const instance = await raiseWork(bench, []);
    const state = await found(instance);
    const id = "00000000-0000-4000-8000-000000000000";
    assert.equal((await cordon({ ...state, node: { ...state.node, id } })).by, "drover");
  });

  test("asks as often on a full node as on one with a single job", async () => {
    const instance = await raiseWork(bench, [{ id: "web", groups: [{ count: 8 }] }]);
    await cordon(await found(instance));
    const reads = bench.operations("nomad").filter((each) => each.startsWith("GET"));
    // The node, its allocations with their jobs; who else drains, and the servers.
    assert.equal(reads.length, 4);
  });
});
