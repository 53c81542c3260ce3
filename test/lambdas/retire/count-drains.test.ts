import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import * as countDrains from "../../../lambdas/retire/count-drains.ts";
import type { Drains } from "../../../lambdas/retire/retirement.ts";
import { type Bench, startBench } from "../bench.ts";
import { raiseGroup, retirementOf } from "../pool.ts";
import { drainByHand, readyToDrain, setEligibility, startPass } from "./stages.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

/** Three machines with work that does not end. */
const raise = async () => {
  const instances = await raiseGroup(bench, { desired: 3 });
  const job = { id: "busy", type: "sysbatch" as const };
  bench.nomad.runJob(job);
  await bench.until(() => instances.every(({ id }) => bench.nomad.truth.liveTasks(id) === 1));
  const [one, two, three] = instances;
  assert.ok(one && two && three);
  const nodeId = (instance: typeof one) => bench.nomad.truth.node(instance.id)?.ID ?? "";
  return { one, two, three, nodeId };
};
const count = (state: unknown) => bench.call<Drains>(countDrains, state);

describe("drains under way", () => {
  test("are counted when people began them, not Drover, and not when they are over", async () => {
    const { one, two, three, nodeId } = await raise();
    const state = await readyToDrain(bench, one);
    assert.equal((await count(state)).byOthers, 0);
    await drainByHand(bench, nodeId(two), 600);
    assert.equal((await count(state)).byOthers, 1);
    await startPass(bench, await readyToDrain(bench, three));
    assert.equal((await count(state)).byOthers, 1);
    await drainByHand(bench, nodeId(two), null);
    assert.equal((await count(state)).byOthers, 0);
  });

  test("name the executions that began them, where that was Drover", async () => {
    const { one, two } = await raise();
    const state = await readyToDrain(bench, one);
    assert.deepEqual((await count(state)).byDrover, []);
    const other = await readyToDrain(bench, two);
    await startPass(bench, other);
    assert.deepEqual((await count(state)).byDrover, [other.execution]);
    assert.deepEqual((await count(other)).byDrover, []);
  });

  test("do not count a node that is only cordoned, or down", async () => {
    const { one, two, three, nodeId } = await raise();
    const state = await readyToDrain(bench, one);
    await setEligibility(bench, nodeId(two), "ineligible");
    await drainByHand(bench, nodeId(three), 600);
    bench.nomad.powerOff(three.id);
    await bench.until(() => bench.nomad.truth.node(three.id)?.Status === "down");
    assert.equal((await count(state)).byOthers, 0);
  });

  test("do not count the drain of the node itself: it is to have a slot of its own", async () => {
    const { one, nodeId } = await raise();
    const state = await readyToDrain(bench, one);
    await drainByHand(bench, nodeId(one), 600);
    assert.equal((await count(state)).byOthers, 0);
  });

  test("are looked for in one call, however large the cluster", async () => {
    const { one } = await raise();
    const state = retirementOf(bench, one);
    await count(state);
    assert.deepEqual(
      new Set(bench.operations("nomad")),
      new Set(["GET /v1/nodes", "GET /v1/agent/members"]),
    );
  });
});

describe("the servers", () => {
  test("limit the cluster to one drain at a time where they take services down otherwise", async () => {
    const { one } = await raise();
    const { limit, explanation } = await count(retirementOf(bench, one));
    assert.equal(limit, 1);
    assert.match(explanation, /Server nomad-server-1\.global runs Nomad 1\.6\.1/);
  });

  test("limit it as long as one of them is old", async () => {
    const { one } = await raise();
    const members = (...builds: string[]) =>
      builds.map((build, index) => ({
        Name: `server-${index}`,
        Addr: `10.0.0.${index}`,
        Status: "alive",
        Tags: { build },
      }));
    for (const [builds, limit] of [
      [["1.10.3", "1.10.3", "1.9.7"], 1],
      [["1.10.3", "1.11.0"], null],
    ] as const) {
      bench.meddle(({ path }) =>
        path === "/v1/agent/members"
          ? { status: 200, body: JSON.stringify({ Members: members(...builds) }) }
          : undefined,
      );
      assert.equal((await count(retirementOf(bench, one))).limit, limit);
    }
  });

  test("do not limit it once they have left the cluster", async () => {
    const { one } = await raise();
    const members = [
      { Name: "new", Addr: "10.0.0.1", Status: "alive", Tags: { build: "1.10.3" } },
      { Name: "old", Addr: "10.0.0.2", Status: "left", Tags: { build: "1.6.1" } },
    ];
    bench.meddle(({ path }) =>
      path === "/v1/agent/members"
        ? { status: 200, body: JSON.stringify({ Members: members }) }
        : undefined,
    );
    assert.equal((await count(retirementOf(bench, one))).limit, null);
  });
});
