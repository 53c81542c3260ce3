import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { dynamoRecords } from "../../../lambdas/clients/records.ts";
import * as keepAlive from "../../../lambdas/retire/keep-alive.ts";
import type { Hook } from "../../../lambdas/retire/retirement.ts";
import { type Bench, startBench } from "../bench.ts";
import { hookOf, raiseGroup, retirementOf, scaleIn } from "../pool.ts";
import { takenSlot } from "./stages.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

/** An execution that owns an instance under its hook. */
const owning = async () => {
  await raiseGroup(bench);
  const { instance, action } = await scaleIn(bench);
  const state = retirementOf(bench, instance, { hook: hookOf(action) });
  const records = dynamoRecords(bench.surroundings, "records");
  const { instanceId, pool, group, reason, since, execution, hook } = state;
  const ownership = { instanceId, pool, group, reason, since, execution, hook };
  await bench.settle(records.take({ ...ownership, phase: "retiring" }));
  return { state, action, records };
};
const keep = (state: unknown) => bench.call<Hook | null>(keepAlive, state);

describe("keep alive", () => {
  test("sends the heartbeat, and answers the hook", async () => {
    const { state, action } = await owning();
    assert.deepEqual(await keep(state), state.hook);
    assert.deepEqual(action.heartbeats, [bench.clock.now()]);
  });

  test("holds a hook far beyond its time-out, up to its limit", async () => {
    const { state, action } = await owning();
    for (let round = 0; round < 400 && action.outcome === undefined; round += 1) {
      await keep(state);
      await bench.pass(576);
    }
    assert.equal(action.outcome?.how, "limit");
    // Prolonging what is over is no error: the step that completes it finds out.
    await keep(state);
  });

  test("takes over a hook or a tighter deadline that another event brought", async () => {
    const { state, records } = await owning();
    const tighter = { ...state.hook!, deadline: new Date(bench.clock.now() + 1e6).toISOString() };
    await bench.settle(records.attachHook(state.instanceId, state.execution, tighter));
    assert.deepEqual(await keep(state), tighter);
    assert.deepEqual(await keep({ ...state, hook: null }), tighter);
  });

  test("has no business with the record of another execution", async () => {
    const { state, action } = await owning();
    const other = { ...state, execution: "another", hook: null };
    assert.equal(await keep(other), null);
    assert.deepEqual(action.heartbeats, []);
  });

  test("renews the leases of the slot", async () => {
    const { state, records } = await owning();
    const { leases } = takenSlot;
    await bench.settle(records.takeLeases(leases, state.execution, bench.clock.now() + 1_200_000));
    for (let round = 0; round < 4; round += 1) {
      await bench.pass(600);
      await keep({ ...state, slot: takenSlot });
    }
    const found = await bench.settle(records.readLeases(leases));
    assert.deepEqual(
      found.map(({ until }) => until),
      [bench.clock.now() + 1_800_000, bench.clock.now() + 1_800_000],
    );
  });

  test("goes on when the slot has run out and is somebody else's", async () => {
    const { state, records, action } = await owning();
    await bench.settle(records.takeLeases(takenSlot.leases, "other", bench.clock.now() + 60_000));
    await keep({ ...state, slot: takenSlot });
    assert.equal(action.heartbeats.length, 1);
    assert.ok(bench.logs().some(({ level }) => level === "WARN"));
  });

  test("takes no slot back once the instance was to be let go", async () => {
    const { state, records } = await owning();
    const at = new Date(bench.clock.now()).toISOString();
    const completion = { decision: "held", at, explanation: "", waitSeconds: 30 } as const;
    await keep({ ...state, slot: takenSlot, completion });
    assert.deepEqual(await bench.settle(records.readLeases(takenSlot.leases)), []);
  });

  test("takes no slot that it does not hold", async () => {
    const { state, records } = await owning();
    const without = { ...takenSlot, taken: false, without: true, leases: [] };
    await keep({ ...state, slot: without });
    assert.deepEqual(await bench.settle(records.readLeases(takenSlot.leases)), []);
  });
});
