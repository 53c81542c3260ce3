import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { dynamoRecords } from "../../../lambdas/clients/records.ts";
import * as completeHook from "../../../lambdas/retire/complete-hook.ts";
import type { Completion, Retirement } from "../../../lambdas/retire/retirement.ts";
import { type Bench, startBench } from "../bench.ts";
import { forcedDrain, takenSlot } from "./stages.ts";
import { hookOf, raiseGroup, retirementOf, type RetirementChanges, scaleIn } from "../pool.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const complete = (state: unknown) => bench.call<Completion>(completeHook, state);
/** An execution whose instance waits under its hook. */
const held = async (changes: RetirementChanges = {}) => {
  await raiseGroup(bench);
  const { instance, action } = await scaleIn(bench);
  return {
    instance,
    action,
    state: retirementOf(bench, instance, { hook: hookOf(action), ...changes }),
  };
};
/** An execution that a person started, of a running instance. */
const byHand = async (changes: RetirementChanges = {}) => {
  const [instance] = await raiseGroup(bench, { desired: 3, min: 2 });
  assert.ok(instance);
  return { instance, state: retirementOf(bench, instance, { capacity: "replace", ...changes }) };
};
const desired = () => bench.autoScaling.group("workers").desired;

describe("a hook", () => {
  test("is completed, so that the instance may go", async () => {
    const { action, state } = await held();
    const { decision } = await complete(state);
    assert.equal(decision, "CONTINUE");
    assert.deepEqual([action.outcome?.how, action.outcome?.result], ["completed", "CONTINUE"]);
    assert.deepEqual(bench.metrics(), []);
  });

  test("gives the slot back first; a second time, or after another node took it, changes nothing", async () => {
    const { action, state } = await held();
    const records = dynamoRecords(bench.surroundings, "records");
    const until = bench.clock.now() + 60_000;
    const holders = () =>
      bench.dynamoDb.items("records").map((item) => Object.values(item["holder"] ?? {})[0]);
    const slot = { ...takenSlot, leases: ["slot#pool#workers#0", "slot#cluster#0"] };
    await bench.settle(records.takeLeases(slot.leases, state.execution, until));
    await complete({ ...state, slot });
    assert.deepEqual(holders(), []);
    assert.equal(action.outcome?.how, "completed");
    await bench.settle(records.takeLeases(slot.leases, "another", until));
    await complete({ ...state, slot });
    assert.deepEqual(holders(), ["another", "another"]);
  });

  test("completed already is success, as after a crash before the answer", async () => {
    const { action, state } = await held();
    await complete(state);
    const { decision } = await complete(state);
    assert.equal(decision, "expired");
    assert.equal(action.outcome?.how, "completed");
  });

  test("that expired is success too, and counted", async () => {
    const { action, state } = await held();
    await bench.until(() => action.outcome !== undefined, 2_000_000);
    assert.equal((await complete(state)).decision, "expired");
    assert.deepEqual(bench.metrics(), [{ pool: "workers", HooksExpired: 1 }]);
  });

  test("of an observe-only pool is completed all the same", async () => {
    const { action, state } = await held({ settings: { observeOnly: true } });
    assert.equal((await complete(state)).decision, "CONTINUE");
    assert.equal(action.outcome?.result, "CONTINUE");
  });

  test("that another event brought is completed as the record knows it", async () => {
    const { action, state } = await held();
    const records = dynamoRecords(bench.surroundings, "records");
    const { instanceId, pool, group, reason, since, execution, hook } = state;
    const ownership = { instanceId, pool, group, reason, since, execution, hook };
    await bench.settle(records.take({ ...ownership, phase: "retiring" }));
    assert.equal((await complete({ ...state, hook: null })).decision, "CONTINUE");
    assert.equal(action.outcome?.result, "CONTINUE");
    assert.deepEqual(bench.operations("autoscaling"), ["CompleteLifecycleAction"]);
  });
});

describe("a drain that has failed", () => {
  for (const [onDrainFailure, onAbandon, drain, decision, ended] of [
    ["retain", "retain", forcedDrain, "ABANDON", "Terminating:Retained"],
    ["retain", "retain", { ...forcedDrain, outcome: "clean" }, "CONTINUE", "Terminating:Proceed"],
    ["retain", "retain", undefined, "CONTINUE", "Terminating:Proceed"],
    ["continue", "retain", forcedDrain, "CONTINUE", "Terminating:Proceed"],
  ] as const) {
    test(`where the pool says ${onDrainFailure}: ${drain?.outcome ?? "no drain"} is ${decision}`, async () => {
      await raiseGroup(bench, { onAbandon });
      const { instance, action } = await scaleIn(bench);
      const hook = hookOf(action);
      const state = retirementOf(bench, instance, { hook, settings: { onDrainFailure } });
      assert.equal((await complete({ ...state, ...(drain && { drain }) })).decision, decision);
      assert.deepEqual([action.outcome?.result, instance.state], [decision, ended]);
    });
  }
});

describe("while Drover is stopped", () => {
  const stop = () => bench.ssm.put("/drover/default/stop", "stop");

  test("an instance is kept, and goes when it is set to go", async () => {
    const { action, state } = await held();
    stop();
    const call = bench.container(completeHook);
    const answer = await call<Completion>(state);
    assert.equal(answer.decision, "held");
    assert.ok(answer.waitSeconds >= 1);
    assert.equal(action.outcome, undefined);
    bench.ssm.put("/drover/default/stop", "go");
    await bench.pass(31);
    assert.equal((await call<Completion>(state)).decision, "CONTINUE");
  });

  test("a hook is decided when it would be by itself, and not missed by a pause before", async () => {
    const { action, state } = await held();
    const hook = { ...state.hook!, deadline: new Date(bench.clock.now() + 100_000).toISOString() };
    stop();
    const first = await complete({ ...state, hook });
    assert.deepEqual([first.decision, first.waitSeconds <= 40], ["held", true]);
    await bench.pass(first.waitSeconds);
    let next = await complete({ ...state, hook });
    while (next.decision === "held") {
      await bench.pass(next.waitSeconds);
      next = await complete({ ...state, hook });
    }
    assert.equal(next.decision, "CONTINUE");
    assert.equal(action.outcome?.how, "completed");
    assert.ok(bench.clock.now() <= Date.parse(hook.deadline) - 50_000);
  });

  test("no instance is terminated", async () => {
    const { instance, state } = await byHand();
    stop();
    assert.equal((await complete(state)).decision, "held");
    assert.equal(instance.state, "InService");
  });
});

describe("by hand", () => {
  test("the instance is terminated, and another one launched for it", async () => {
    const { instance, state } = await byHand();
    const { decision, explanation } = await complete(state);
    assert.equal(decision, "none");
    assert.match(explanation, /launches another one/);
    assert.match(instance.state, /^Terminating/);
    assert.equal(desired(), 3);
  });

  test("the group gets smaller by one if that was asked for", async () => {
    const { instance, state } = await byHand({ capacity: "shrink" });
    assert.match((await complete(state)).explanation, /gets smaller by one/);
    assert.match(instance.state, /^Terminating/);
    assert.equal(desired(), 2);
  });

  test("it is terminated once, also when the task is called again", async () => {
    const { state } = await byHand({ capacity: "shrink" });
    await complete(state);
    await complete(state);
    assert.equal(desired(), 2);
    assert.deepEqual(
      bench.operations("autoscaling").filter((each) => each.startsWith("Terminate")).length,
      1,
    );
  });

  test("a group at its minimum refuses to shrink: once, with its reason, not for an hour", async () => {
    const { instance, state } = await byHand({ capacity: "shrink" });
    bench.autoScaling.group("workers").min = 3;
    await assert.rejects(complete(state), {
      name: "InputRefused",
      message: /capacity: the group workers is at its minimum and cannot get smaller/,
    });
    assert.equal(instance.state, "InService");
  });

  test("an instance that is gone already needs nothing", async () => {
    const { state } = await byHand();
    const gone: Retirement = { ...state, instanceId: "i-0000000000000000f" };
    assert.deepEqual((await complete(gone)).explanation, "The instance is gone already.");
  });

  test("one whose node was live and that no group has any more is told of, and not forgotten", async () => {
    const { state } = await byHand();
    const node = {
      answer: "registered",
      explanation: "",
      waitSeconds: 0,
      since: state.since,
      id: "n-1",
    };
    const gone = { ...state, instanceId: "i-0000000000000000f" };
    await assert.rejects(complete({ ...gone, node: { ...node, next: "retire" } }), {
      name: "InputRefused",
      message: /no Auto Scaling group has i-0000000000000000f any more.*make the node eligible/,
    });
    const { decision } = await complete({
      ...gone,
      node: { ...node, answer: "down", next: "complete" },
    });
    assert.equal(decision, "none");
  });

  test("an observe-only pool keeps it", async () => {
    const { instance, state } = await byHand({ settings: { observeOnly: true } });
    const { decision, explanation } = await complete(state);
    assert.deepEqual([decision, instance.state], ["none", "InService"]);
    assert.match(explanation, /observe-only/);
  });

  for (const error of ["ScalingActivityInProgress", "ResourceContention", "Throttling"] as const) {
    test(`${error} is an error to be tried again`, async () => {
      const { instance, state } = await byHand();
      const refuse = (times: number) =>
        bench.autoScaling.refuse("TerminateInstanceInAutoScalingGroup", error, times);
      refuse(3);
      await assert.rejects(complete(state), { name: new RegExp(error) });
      refuse(0);
      await complete(state);
      assert.match(instance.state, /^Terminating/);
    });
  }
});
