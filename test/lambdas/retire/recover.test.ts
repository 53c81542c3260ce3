import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { dynamoRecords } from "../../../lambdas/clients/records.ts";
import * as recover from "../../../lambdas/retire/recover.ts";
import type { Node } from "../../../lambdas/retire/retirement.ts";
import { type Bench, startBench } from "../bench.ts";
import { executionArnOf } from "../executions.ts";
import { hookOf, raiseGroup, retirementOf, type RetirementChanges, scaleIn } from "../pool.ts";
import { noDrains, takenSlot } from "./stages.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

interface Failure {
  readonly error: string;
  readonly cause: string;
}
/** Called by the execution that the state names, as a rule. */
const call = (retirement: Readonly<Record<string, unknown>>, by = retirement["execution"]) =>
  bench.call<Failure>(recover, { retirement, execution: by ?? executionArnOf("mine") });
const error = {
  Error: "TypeError",
  Cause: JSON.stringify({ errorType: "TypeError", errorMessage: "x is not a function", trace: [] }),
};
const node: Node = {
  answer: "registered",
  next: "retire",
  explanation: "Node i-1 is ready.",
  waitSeconds: 0,
  since: "2026-01-05T09:00:00.000Z",
  id: "n-1",
  name: "i-1",
  member: "i-1",
};
const cordon = {
  at: node.since,
  by: "drover" as const,
  volumes: [],
  migratingDisks: [],
  drains: noDrains,
};

/** An execution that owns an instance under its hook, with a slot. */
const owning = async (changes: RetirementChanges = {}, onAbandon?: "retain") => {
  await raiseGroup(bench, onAbandon ? { onAbandon } : {});
  const { instance, action } = await scaleIn(bench);
  const state = retirementOf(bench, instance, { hook: hookOf(action), ...changes });
  const records = dynamoRecords(bench.surroundings, "records");
  const { instanceId, pool, group, reason, since, execution, hook } = state;
  const ownership = { instanceId, pool, group, reason, since, execution, hook };
  await bench.settle(records.take({ ...ownership, phase: "retiring" }));
  await bench.settle(
    records.takeLeases(takenSlot.leases, execution, bench.clock.now() + 1_200_000),
  );
  const read = async () => bench.settle(records.read(instanceId));
  const leases = () => bench.settle(records.readLeases(takenSlot.leases));
  return { instance, action, state, records, read, leases };
};

describe("whatever no step foresaw", () => {
  for (const [title, stage, left] of [
    ["while the node was looked for", {}, 1],
    ["after the cordon", { node, cordon }, 2],
    [
      "after a cordon that was somebody else's",
      { node, cordon: { ...cordon, by: "somebody else" } },
      1,
    ],
    ["with a slot", { node, cordon, slot: takenSlot }, 2],
  ] as const) {
    test(`${title}: the hook is decided, all is given back or noted`, async () => {
      const { action, state, read } = await owning();
      const failure = await call({ ...state, ...stage, error });
      assert.deepEqual(failure, {
        error: "TypeError",
        cause: "x is not a function The hook is decided: CONTINUE.",
      });
      assert.deepEqual([action.outcome?.how, action.outcome?.result], ["completed", "CONTINUE"]);
      const record = await read();
      assert.equal(record?.phase, "failed");
      assert.equal(record?.left?.length, left);
      assert.equal(
        record?.left?.some((each) => each === "cordon of node n-1"),
        left === 2,
      );
      assert.deepEqual(bench.metrics(), [{ pool: "workers", RetirementsFailed: 1 }]);
    });
  }

  test("gives the slot back", async () => {
    const { state, leases } = await owning();
    assert.equal((await leases()).length, 2);
    await call({ ...state, slot: takenSlot, error });
    assert.deepEqual(await leases(), []);
  });

  test("keeps the instance where the pool says so", async () => {
    const { instance, state } = await owning({ settings: { onDrainFailure: "retain" } }, "retain");
    const failure = await call({ ...state, error });
    assert.match(failure.cause, /The hook is decided: ABANDON/);
    assert.equal(instance.state, "Terminating:Retained");
  });

  test("can happen twice, as after a crash before the answer", async () => {
    const { state, read } = await owning();
    await call({ ...state, slot: takenSlot, error });
    const failure = await call({ ...state, slot: takenSlot, error });
    assert.match(failure.cause, /The hook was over already/);
    assert.equal((await read())?.phase, "failed");
  });

  test("leaves nothing of an instance that a person wanted to retire and that stays", async () => {
    const { state, records, read } = await owning();
    await call({ ...state, hook: null, error });
    assert.notDeepEqual((await read())?.left, [], "the record knows of a hook");
    const byHand = { ...state, hook: null, execution: `${state.execution}-by-hand` };
    const { instanceId, pool, group, reason, since, execution } = byHand;
    const ownership = { instanceId, pool, group, reason, since, execution, hook: null };
    await bench.settle(records.take({ ...ownership, phase: "retiring" }));
    const failure = await call({ ...byHand, error });
    assert.match(failure.cause, /the instance was not terminated/);
    assert.deepEqual((await read())?.left, []);
  });

  test("after the completion does not touch the hook again", async () => {
    const { state } = await owning();
    const completion = { decision: "CONTINUE", at: node.since, explanation: "", waitSeconds: 0 };
    bench.operations();
    const failure = await call({ ...state, completion, error });
    assert.match(failure.cause, /The hook was decided before/);
    assert.deepEqual(bench.operations("autoscaling"), []);
  });

  test("while Drover was stopped before the completion decides the hook", async () => {
    const { action, state } = await owning();
    const completion = { decision: "held", at: node.since, explanation: "", waitSeconds: 30 };
    await call({ ...state, completion, error });
    assert.equal(action.outcome?.result, "CONTINUE");
  });

  test("decides the hook that another event has brought since", async () => {
    const { action, state, records } = await owning();
    const hook = state.hook!;
    await bench.settle(records.attachHook(state.instanceId, state.execution, hook));
    await call({ ...state, hook: null, error });
    assert.equal(action.outcome?.result, "CONTINUE");
  });

  test("ends no instance that a person wanted to retire: it runs on", async () => {
    const [instance] = await raiseGroup(bench);
    assert.ok(instance);
    const state = retirementOf(bench, instance, { capacity: "replace" });
    const failure = await call({ ...state, node, cordon, error });
    assert.match(failure.cause, /There was no hook to decide; the instance was not terminated/);
    assert.equal(instance.state, "InService");
  });

  test("leaves the record of another execution alone", async () => {
    const { state, read } = await owning();
    await call({ ...state, execution: "another", error });
    assert.equal((await read())?.phase, "retiring");
  });

  test("before anybody owned the instance takes nothing back", async () => {
    for (const input of [
      { instanceId: "i-0123456789abcdef0", error },
      { error: { Error: "States.TaskFailed" } },
    ]) {
      const failure = await call(input);
      assert.equal(failure.error, input.error.Error);
    }
    assert.deepEqual(bench.operations("autoscaling"), []);
    assert.deepEqual(bench.metrics(), []);
  });

  test("before anybody owned the instance decides the hook that the order names", async () => {
    await raiseGroup(bench);
    const { instance, action } = await scaleIn(bench);
    const { instanceId, pool, group, reason, since, destination, hook } = retirementOf(
      bench,
      instance,
      { hook: hookOf(action) },
    );
    const order = { instanceId, pool, group, reason, since, destination, hook };
    const failure = await call({ ...order, error });
    assert.match(failure.cause, /The hook is decided: CONTINUE/);
    assert.equal(action.outcome?.result, "CONTINUE");
    assert.deepEqual(bench.metrics(), [{ pool: "workers", RetirementsFailed: 1 }]);
  });

  test("leaves the hook to another execution that has the instance", async () => {
    const { action, state } = await owning();
    const failure = await call({ ...state, error }, executionArnOf("another"));
    assert.match(failure.cause, /retire-i-\w+ handles the instance/);
    assert.equal(action.outcome, undefined);
  });

  test("knows the hook by the record, where the order has none", async () => {
    const { action, state, read } = await owning();
    await call({ instanceId: state.instanceId, error }, state.execution);
    assert.equal(action.outcome?.result, "CONTINUE");
    assert.equal((await read())?.phase, "failed");
  });

  for (const [part, value] of [
    ["settings", { slot: 1, onDrainFailure: "retain" }],
    ["settings", "none"],
    ["hook", { name: "drover-default/retire" }],
    ["group", 5],
    ["pool", undefined],
    ["since", undefined],
    ["capacity", "double"],
    ["node", { answer: "gone" }],
    ["cordon", "yes"],
    ["drain", {}],
    ["completion", { decision: "perhaps" }],
    ["error", "a text"],
  ] as const) {
    test(`decides the hook and gives the slot back when ${part} is ${JSON.stringify(value)}`, async () => {
      const { action, state, read, leases } = await owning();
      await call({ ...state, node, cordon, slot: takenSlot, error, [part]: value });
      const isRetained = part === "settings" && typeof value === "object";
      assert.equal(action.outcome?.result, isRetained ? "ABANDON" : "CONTINUE");
      assert.equal((await read())?.phase, "failed");
      assert.deepEqual(await leases(), []);
    });
  }

  test("says what Lambda said where that is no JSON", async () => {
    const { state } = await owning();
    const failure = await call({ ...state, error: { Error: "States.Timeout", Cause: "too long" } });
    assert.match(failure.cause, /^too long /);
  });
});

describe("what was foreseen", () => {
  test("a server is named as the reason, and never ended by hand", async () => {
    const { state } = await owning();
    const refused = { ...node, answer: "server", next: "refuse", explanation: "It is a server." };
    const failure = await call({ ...state, node: refused });
    assert.deepEqual(failure.error, "ServerRefused");
    assert.match(failure.cause, /^It is a server\. /);
  });

  test("a hook that ran out during an outage is decided in time", async () => {
    const { action, state } = await owning();
    const given = { ...node, answer: "unreachable", next: "give-up", explanation: "No leader." };
    const failure = await call({ ...state, node: given });
    assert.equal(failure.error, "HookRunsOut");
    assert.equal(action.outcome?.how, "completed");
  });
});
