import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { Drain } from "../../../lambdas/retire/retirement.ts";
import { type Bench, startBench } from "../bench.ts";
import {
  awaitPass,
  drainByHand,
  postedDrains,
  raiseWork,
  readyToDrain,
  setEligibility,
  startPass,
} from "./stages.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const web = { id: "web", groups: [{ count: 2 }] };
const slow = { id: "slow", type: "batch" as const };
const shipper = { id: "shipper", type: "system" as const };
const iso = (milliseconds: number) => new Date(milliseconds).toISOString();

describe("the drain of the work", () => {
  test("is posted once, with the pool's deadline and a mark of whose it is", async () => {
    const state = await readyToDrain(bench, await raiseWork(bench, [web, shipper]));
    const began = bench.clock.now();
    const drain = await startPass(bench, state);
    assert.deepEqual(postedDrains(bench), [
      {
        seconds: 1800,
        system: false,
        Meta: { drover: state.execution, drover_pass: "work", message: "retired by Drover" },
      },
    ]);
    assert.deepEqual(
      [drain.pass, drain.status, drain.outcome, drain.allocations],
      ["work", "draining", "clean", 2],
    );
    assert.equal(Date.parse(drain.giveUpAt), Date.parse(drain.until) + 120_000);
    const forced = Date.parse(drain.until) - began;
    assert.ok(forced >= 1_800_000 && forced < 1_801_000);
  });

  test("is not posted again by a repeated call, which would begin its deadline anew", async () => {
    const state = await readyToDrain(bench, await raiseWork(bench, [slow]));
    const first = await startPass(bench, state);
    await bench.pass(600);
    const again = await startPass(bench, state);
    assert.equal(postedDrains(bench).length, 1);
    // Nomad and we do not look at the clock in the same moment.
    assert.ok(Math.abs(Date.parse(again.until) - Date.parse(first.until)) < 1000);
    assert.equal(again.explanation, "A drain was under way already.");
  });

  test("is not posted again when it is over already", async () => {
    const instance = await raiseWork(bench, [web]);
    const state = await readyToDrain(bench, instance);
    await startPass(bench, state);
    await bench.until(() => bench.nomad.truth.node(instance.id)?.DrainStrategy === null);
    const again = await startPass(bench, state);
    assert.equal(postedDrains(bench).length, 1);
    assert.equal(again.status, "draining");
  });

  test("is posted again when somebody cancelled it and the work stays", async () => {
    const instance = await raiseWork(bench, [slow]);
    const state = await readyToDrain(bench, instance);
    await startPass(bench, state);
    await drainByHand(bench, state.node.id ?? "", null);
    const again = await startPass(bench, state);
    assert.equal(postedDrains(bench).length, 2);
    assert.equal(again.explanation, "The drain has begun.");
  });

  test("is posted again when somebody let new work onto the node since", async () => {
    const instance = await raiseWork(bench, []);
    const state = await readyToDrain(bench, instance);
    await startPass(bench, state);
    await setEligibility(bench, state.node.id ?? "", "eligible");
    bench.nomad.runJob({ id: "late", groups: [{ count: 12 }] });
    await bench.until(() => bench.nomad.truth.liveTasks(instance.id) > 0);
    const again = await startPass(bench, state);
    assert.equal(postedDrains(bench).length, 2);
    assert.ok(Date.parse(again.giveUpAt) > bench.clock.now() + 1_800_000);
  });

  test("has the deadline of batch work where that runs", async () => {
    const settings = { batchDrainDeadlineSeconds: 7200 };
    const state = await readyToDrain(bench, await raiseWork(bench, [slow]), { settings });
    await startPass(bench, state);
    assert.equal(postedDrains(bench)[0]?.seconds, 7200);
  });

  test("ends in time for the hook, however late it began", async () => {
    const instance = await raiseWork(bench, [slow]);
    const state = await readyToDrain(bench, instance);
    for (const [left, seconds, giveUp] of [
      [1000, 640, 760],
      [100, 1, 40],
    ] as const) {
      const now = bench.clock.now();
      const hook = {
        name: "drover-default/retire",
        token: "token",
        heartbeatSeconds: 1728,
        startedAt: iso(now),
        deadline: iso(now + left * 1000),
      };
      const drain = await startPass(bench, { ...state, execution: `at ${left}`, hook });
      assert.ok(Math.abs((postedDrains(bench).at(-1)?.seconds ?? 0) - seconds) <= 1);
      const wait = (Date.parse(drain.giveUpAt) - now) / 1000;
      assert.ok(Math.abs(wait - giveUp) <= 1, `gives up after ${wait} s`);
    }
  });

  test("of a node that is gone is over, and nothing is posted", async () => {
    const instance = await raiseWork(bench, [web]);
    const state = await readyToDrain(bench, instance);
    const gone = { ...state.node, id: "00000000-0000-4000-8000-000000000000" };
    const drain = await startPass(bench, { ...state, node: gone });
    assert.deepEqual([drain.status, drain.outcome], ["drained", "none"]);
    assert.deepEqual(postedDrains(bench), []);
  });
});

describe("the drain of a person", () => {
  for (const [title, seconds, isLeft] of [
    ["is left alone when it ends in time", 600, true],
    ["is replaced when it ends too late", 7200, false],
    ["is replaced when it has no deadline", 0, false],
  ] as const) {
    test(title, async () => {
      const instance = await raiseWork(bench, [slow]);
      const state = await readyToDrain(bench, instance);
      await drainByHand(bench, state.node.id ?? "", seconds);
      const began = bench.clock.now();
      const drain = await startPass(bench, state);
      assert.equal(postedDrains(bench).length, isLeft ? 0 : 1);
      const until = (Date.parse(drain.until) - began) / 1000;
      assert.ok(Math.abs(until - (isLeft ? seconds : 1800)) < 2, `until ${until} s`);
    });
  }
});

describe("the drain of the system jobs", () => {
  const drainWork = async (work: Parameters<typeof raiseWork>[1], outcome?: Drain["outcome"]) => {
    const instance = await raiseWork(bench, work);
    const state = await readyToDrain(bench, instance);
    const drain = await awaitPass(bench, { ...state, drain: await startPass(bench, state) });
    return { instance, state: { ...state, drain: { ...drain, ...(outcome && { outcome }) } } };
  };

  test("comes after that of the work, with a deadline of its own", async () => {
    const { instance, state } = await drainWork([web, shipper]);
    assert.equal(bench.nomad.truth.liveTasks(instance.id), 1);
    const drain = await startPass(bench, state, "system");
    assert.deepEqual(
      postedDrains(bench).map(({ seconds, system, Meta }) => [
        seconds,
        system,
        Meta["drover_pass"],
      ]),
      [
        [1800, false, "work"],
        [60, true, "system"],
      ],
    );
    assert.deepEqual([drain.pass, drain.status], ["system", "draining"]);
    assert.equal(drain.beganAt, state.drain.beganAt);
    assert.equal(drain.allocations, 2);
    await startPass(bench, state, "system");
    assert.equal(postedDrains(bench).length, 2);
  });

  test("is not posted where none runs", async () => {
    const { state } = await drainWork([web]);
    const drain = await startPass(bench, state, "system");
    assert.deepEqual([drain.status, drain.explanation], ["drained", "No system job runs here."]);
    assert.equal(postedDrains(bench).length, 1);
  });

  test("makes no forced drain a clean one", async () => {
    const { instance, state } = await drainWork([web, shipper], "forced");
    assert.equal((await startPass(bench, state, "system")).outcome, "forced");
    // After an outage in between everything is begun again.
    const again = await startPass(bench, state, "work");
    assert.equal(again.outcome, "forced");
    assert.equal(again.allocations, 2);
    assert.equal(again.beganAt, state.drain.beganAt);
    bench.nomad.powerOff(instance.id);
    const gone = { ...state.node, id: "00000000-0000-4000-8000-000000000000" };
    assert.equal((await startPass(bench, { ...state, node: gone }, "system")).outcome, "forced");
  });
});

test("an outage sends the execution back to looking for the node, and is counted", async () => {
  const state = await readyToDrain(bench, await raiseWork(bench, [web]));
  bench.nomad.setOutage("refused");
  await assert.rejects(startPass(bench, state), { name: "ClusterUnavailable" });
  assert.deepEqual(bench.metrics(), [{ pool: "workers", NomadUnreachable: 1 }]);
  const [error] = bench.logs().filter(({ level }) => level === "ERROR");
  assert.deepEqual(
    [error?.["instance"], error?.["node"], error?.["pool"], error?.["execution"]],
    [state.instanceId, state.node.id, "workers", state.execution],
  );
});
