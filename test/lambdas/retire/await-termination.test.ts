import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import * as awaitTermination from "../../../lambdas/retire/await-termination.ts";
import * as completeHook from "../../../lambdas/retire/complete-hook.ts";
import type { Completion, Termination } from "../../../lambdas/retire/retirement.ts";
import type { GroupOptions } from "../../../rehearsal/emulators/auto-scaling/auto-scaling.ts";
import { type Bench, startBench } from "../bench.ts";
import { forcedDrain } from "./stages.ts";
import { hookOf, othersHook, raiseGroup, retireHook, retirementOf, scaleIn } from "../pool.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const look = (state: unknown) => bench.call<Termination>(awaitTermination, state);
/** Looks, with the pauses between, until the instance does not terminate any more. */
const awaitEnd = async (state: Record<string, unknown>) => {
  let termination = await look(state);
  while (termination.state === "terminating") {
    await bench.pass(termination.waitSeconds);
    termination = await look({ ...state, termination });
  }
  return termination;
};
/** An execution whose hook is completed. */
const completed = async (group: Partial<GroupOptions> = {}) => {
  await raiseGroup(bench, group);
  const { instance, action } = await scaleIn(bench);
  const state = retirementOf(bench, instance, { hook: hookOf(action) });
  const completion = await bench.call<Completion>(completeHook, state);
  return { instance, state: { ...state, completion } };
};
/** An execution that a person started, whose instance has been told to go. */
const told = async (group: Partial<GroupOptions> = {}, changes: object = {}) => {
  const [instance] = await raiseGroup(bench, { desired: 2, ...group });
  assert.ok(instance);
  const state = { ...retirementOf(bench, instance, { capacity: "replace" }), ...changes };
  const completion = await bench.call<Completion>(completeHook, state);
  return { instance, state: { ...state, completion } };
};

describe("the end of an instance", () => {
  test("that a person wanted is kept from it where its drain failed and the pool says retain", async () => {
    const { instance, state } = await told({ onAbandon: "retain" });
    const settings = { ...state.settings, onDrainFailure: "retain" };
    const last = await awaitEnd({ ...state, settings, drain: forcedDrain });
    assert.deepEqual([last.state, instance.state], ["retained", "Terminating:Retained"]);
  });

  test("is awaited until the group has let it go", async () => {
    const { instance, state } = await completed();
    const first = await look(state);
    assert.equal(first.state, "terminating");
    assert.ok(first.waitSeconds >= 7 && first.waitSeconds <= 13);
    const last = await awaitEnd(state);
    assert.deepEqual([last.state, last.waitSeconds], ["gone", 0]);
    assert.equal(instance.power, "off");
  });

  test("is awaited behind the hooks of others, which are left alone", async () => {
    const { instance, state } = await completed({ hooks: [retireHook, othersHook] });
    assert.equal(instance.state, "Terminating:Wait");
    await look(state);
    const others = () =>
      instance.actions.find(({ hook }) => hook.name === othersHook.name)?.outcome?.how;
    assert.equal(others(), undefined);
    await awaitEnd(state);
    assert.equal(others(), "expired");
  });

  test("by hand: the hook that this fires is completed as it appears", async () => {
    const { instance, state } = await told();
    const began = bench.clock.now();
    assert.equal((await awaitEnd(state)).state, "gone");
    assert.deepEqual(
      instance.actions.map(({ outcome }) => [outcome?.how, outcome?.result]),
      [["completed", "CONTINUE"]],
    );
    assert.ok(bench.clock.now() - began < 200_000);
  });

  test("by hand: the hooks of others and of other clusters are left alone", async () => {
    const foreign = { ...retireHook, name: "drover-default2/retire" };
    const { instance, state } = await told({ hooks: [retireHook, othersHook, foreign] });
    await bench.until(() => instance.state === "Terminating:Wait");
    await look(state);
    assert.deepEqual(
      instance.actions.map(({ hook, outcome }) => [hook.name, outcome?.how]),
      [
        ["drover-default/retire", "completed"],
        ["others-hook", undefined],
        ["drover-default2/retire", undefined],
      ],
    );
  });

  test("by hand in an observe-only pool is not awaited: the instance stays", async () => {
    const [instance] = await raiseGroup(bench);
    assert.ok(instance);
    const state = retirementOf(bench, instance, {
      capacity: "replace",
      settings: { observeOnly: true },
    });
    const completion = await bench.call<Completion>(completeHook, state);
    const { state: end, explanation } = await look({ ...state, completion });
    assert.equal(end, "retained");
    assert.match(explanation, /observe-only/);
    assert.deepEqual(bench.metrics(), []);
  });
});

describe("an instance that the group keeps", () => {
  test("for a person ends the execution, and is counted", async () => {
    await raiseGroup(bench, { onAbandon: "retain" });
    const { instance, action } = await scaleIn(bench);
    const state = retirementOf(bench, instance, { hook: hookOf(action) });
    bench.autoScaling.instance(instance.id).state = "Terminating:Retained";
    const completion = { decision: "ABANDON", at: state.since, explanation: "", waitSeconds: 0 };
    const { state: end, explanation } = await look({ ...state, completion });
    assert.equal(end, "retained");
    assert.match(explanation, /keeps the instance for a person/);
    assert.deepEqual(bench.metrics(), [{ pool: "workers", InstancesRetained: 1 }]);
  });

  for (const [lifecycleState, expected] of [
    ["Warmed:Stopped", "warm pool"],
    ["Warmed:Running", "warm pool"],
    ["Warmed:Hibernated", "warm pool"],
    ["Warmed:Pending:Proceed", "warm pool"],
    // On its way out of the pool and of the world.
    ["Warmed:Terminating", "terminating"],
    ["Warmed:Terminating:Wait", "terminating"],
    ["Warmed:Terminating:Proceed", "terminating"],
    ["Warmed:Terminating:Retained", "retained"],
    ["Warmed:Pending:Retained", "retained"],
    ["Terminating:Retained", "retained"],
    ["Terminating:Proceed", "terminating"],
  ] as const) {
    test(`is told by its state: ${lifecycleState} is ${expected}`, async () => {
      const { instance, state } = await completed();
      instance.state = lifecycleState;
      assert.equal((await look(state)).state, expected);
    });
  }
});

describe("a warm pool", () => {
  test("takes the instance back: the execution ends there, and Nomad keeps its node", async () => {
    const warmPool = {
      minSize: 0,
      maxPrepared: 0,
      state: "Running",
      reuseOnScaleIn: true,
    } as const;
    const { instance, state } = await completed({ warmPool });
    assert.match(instance.state, /^Warmed:Pending/);
    assert.equal((await look(state)).state, "warm pool");
  });
});
