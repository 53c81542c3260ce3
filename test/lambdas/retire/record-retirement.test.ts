import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { dynamoRecords } from "../../../lambdas/clients/records.ts";
import * as recordRetirement from "../../../lambdas/retire/record-retirement.ts";
import type { Drain } from "../../../lambdas/retire/retirement.ts";
import type { Summary } from "../../../lambdas/retire/rules/summarise.ts";
import { type Bench, startBench } from "../bench.ts";
import { retirementOf } from "../pool.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

/** An execution that owns its instance and has come to its end. */
const finished = async (drain: Partial<Drain> = {}) => {
  const state = retirementOf(bench, { id: "i-0a", group: "workers" });
  const records = dynamoRecords(bench.surroundings, "records");
  const { instanceId, pool, group, reason, since, execution, hook } = state;
  const ownership = { instanceId, pool, group, reason, since, execution, hook };
  await bench.settle(records.take({ ...ownership, phase: "retiring" }));
  const began = bench.clock.now();
  await bench.pass(100);
  const whole: Drain = {
    pass: "work",
    status: "drained",
    outcome: "clean",
    explanation: "Everything has moved away.",
    beganAt: new Date(began + 10_000).toISOString(),
    startedAt: new Date(began + 10_000).toISOString(),
    endedAt: new Date(began + 60_000).toISOString(),
    until: state.since,
    giveUpAt: state.since,
    waitSeconds: 0,
    blockers: [],
    cutOff: [],
    allocations: 2,
    ...drain,
  };
  return { records, state: { ...state, drain: whole } };
};
const record = (state: unknown) => bench.call<Summary>(recordRetirement, state);

describe("a retirement that has come to its end", () => {
  test("gives the ownership back, and its summary is the output", async () => {
    const { records, state } = await finished();
    const summary = await record(state);
    assert.deepEqual(
      [summary.instanceId, summary.drain, summary.allocations, summary.seconds.total],
      ["i-0a", "clean", 2, 100],
    );
    assert.equal((await bench.settle(records.read("i-0a")))?.phase, "retired");
  });

  test("is measured", async () => {
    const { state } = await finished();
    await record(state);
    assert.deepEqual(bench.metrics(), [
      { pool: "workers", Retirements: 1, DrainSeconds: 50, RetirementSeconds: 100 },
    ]);
    const summary = bench.logs()[0]?.["summary"] as Summary | undefined;
    assert.equal(summary?.seconds.drain, 50);
  });

  test("that was forced is counted as such", async () => {
    const { state } = await finished({ outcome: "forced" });
    await record(state);
    assert.equal(bench.metrics()[0]?.["ForcedDrains"], 1);
  });

  test("without a drain has no seconds of it", async () => {
    const { state } = await finished();
    const { drain: _drain, ...bare } = state;
    await record(bare);
    assert.deepEqual(bench.metrics(), [
      { pool: "workers", Retirements: 1, RetirementSeconds: 100 },
    ]);
  });

  test("can be recorded twice, and leaves the record of a later owner alone", async () => {
    const { records, state } = await finished();
    await record(state);
    await record(state);
    const owner = await bench.settle(records.read("i-0a"));
    assert.ok(owner);
    await bench.settle(records.take({ ...owner, execution: "later", phase: "retiring" }));
    await record(state);
    assert.equal((await bench.settle(records.read("i-0a")))?.phase, "retiring");
  });
});
