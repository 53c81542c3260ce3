import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { dynamoRecords } from "../../../lambdas/clients/records.ts";
import type { Drains, Slot } from "../../../lambdas/retire/retirement.ts";
import * as takeSlot from "../../../lambdas/retire/take-slot.ts";
import { type Bench, startBench } from "../bench.ts";
import { executionArnOf } from "../executions.ts";
import {
  hookOf,
  raiseGroup,
  retireHook,
  retirementOf,
  type RetirementChanges,
  scaleIn,
} from "../pool.ts";
import { noDrains } from "./stages.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

/** The state of an execution that asks for a slot. */
const asking = (
  name: string,
  changes: RetirementChanges & { drains?: Partial<Drains>; slot?: Slot } = {},
) => {
  const { drains: limits, slot, ...rest } = changes;
  return {
    ...retirementOf(
      bench,
      { id: `i-${name}`, group: "workers" },
      { execution: executionArnOf(name), ...rest },
    ),
    cordon: {
      at: "2026-01-05T09:00:00.000Z",
      by: "drover",
      volumes: [],
      migratingDisks: [],
      drains: { ...noDrains, ...limits },
    },
    ...(slot && { slot }),
  };
};
const take = (name: string, changes: Parameters<typeof asking>[1] = {}) =>
  bench.call<Slot>(takeSlot, asking(name, changes));
const giveBack = (name: string, slot: Slot) => {
  const records = dynamoRecords(bench.surroundings, "records");
  return bench.settle(
    Promise.all(slot.leases.map((key) => records.releaseLease(key, executionArnOf(name)))),
  );
};
const leases = () =>
  bench.dynamoDb
    .items("records")
    .map((item) => [item["pk"], item["holder"]].map((value) => Object.values(value ?? {})[0]));

describe("a slot", () => {
  test("is taken in the pool and in the cluster, and has an end", async () => {
    const slot = await take("a");
    assert.deepEqual(
      { ...slot, queuedSince: undefined },
      {
        taken: true,
        without: false,
        explanation: "The node may drain.",
        waitSeconds: 0,
        queuedSince: undefined,
        takenAt: new Date(bench.clock.now()).toISOString(),
        underWay: 1,
        leases: ["slot#pool#workers#0", "slot#cluster#0"],
      },
    );
    const [item] = bench.dynamoDb.items("records");
    assert.equal(
      Number(item?.["until"] && Object.values(item["until"])[0]),
      bench.clock.now() + 30 * 60_000,
    );
  });

  test("is the same when the task is called again, as after a crash before its answer", async () => {
    const first = await take("a");
    const again = await take("a");
    assert.deepEqual(again.leases, first.leases);
    assert.equal(leases().length, 2);
  });

  test("of the pool is waited for, and taken when it is given back", async () => {
    const first = await take("a");
    const queued = await take("b");
    assert.equal(queued.taken, false);
    assert.match(queued.explanation, /All 1 slots of pool workers are taken/);
    assert.ok(queued.waitSeconds >= 7 && queued.waitSeconds <= 13);
    await giveBack("a", first);
    const free = await take("b", { slot: queued });
    assert.deepEqual([free.taken, free.waitSeconds, free.countFirst], [false, 0, true]);
    const second = await take("b", { slot: free });
    assert.equal(second.taken, true);
    assert.equal(second.queuedSince, queued.queuedSince);
  });

  test("has nothing counted in Nomad while Drover's own leases leave none", async () => {
    await take("a");
    let slot = await take("b");
    for (let round = 0; round < 3; round += 1) {
      assert.ok(slot.waitSeconds > 0);
      assert.equal(slot.countFirst, undefined);
      slot = await take("b", { slot });
    }
  });

  test("that only drains of others take is waited for with a new count", async () => {
    const queued = await take("a", { drains: { byOthers: 3 } });
    assert.ok(queued.waitSeconds > 0);
    assert.equal(queued.countFirst, true);
    const second = await take("a", { slot: queued, drains: { byOthers: 2 } });
    assert.equal(second.taken, true);
  });

  test("is not taken on an old count, which may have been made before a person's drain", async () => {
    const first = await take("a");
    const queued = await take("b");
    await giveBack("a", first);
    const free = await take("b", { slot: queued });
    const counted = await take("b", { slot: free, drains: { byOthers: 3 } });
    assert.equal(counted.taken, false);
    assert.match(counted.explanation, /3 of 3 nodes/);
  });

  test("of the cluster is shared between pools", async () => {
    for (const pool of ["a", "b", "c"]) assert.equal((await take(pool, { pool })).taken, true);
    const fourth = await take("d", { pool: "d" });
    assert.equal(fourth.taken, false);
    assert.match(fourth.explanation, /3 of 3 nodes that may drain at once in the cluster do/);
  });

  test("is one in the whole cluster where the servers take services down otherwise", async () => {
    const limit = { limit: 1 };
    assert.equal((await take("a", { pool: "a", drains: limit })).taken, true);
    assert.equal((await take("b", { pool: "b", drains: limit })).taken, false);
  });

  test("counts against a limit that has sunk since it was taken", async () => {
    const first = await take("a", { pool: "a" });
    await take("b", { pool: "b" });
    await giveBack("a", first);
    assert.equal((await take("c", { pool: "c", drains: { limit: 1 } })).taken, false);
  });

  test("waits for the drains of people", async () => {
    assert.equal((await take("a", { drains: { byOthers: 3 } })).taken, false);
    assert.equal((await take("a", { drains: { byOthers: 2 } })).taken, true);
  });

  test("of a dead holder is free after half an hour", async () => {
    await take("a");
    await bench.pass(30 * 60);
    assert.equal((await take("b")).taken, false);
    await bench.pass(1);
    assert.equal((await take("b")).taken, true);
  });

  test("goes to one of two that ask at the same moment", async () => {
    const answers = await bench.settle(
      Promise.all(["a", "b"].map((name) => bench.begin<Slot>(takeSlot, asking(name)))),
    );
    assert.equal(answers.filter(({ taken }) => taken).length, 1);
    assert.ok(answers.every(({ taken, waitSeconds }) => taken === (waitSeconds === 0)));
    assert.equal(leases().length, 2);
  });

  test("can be one of many: more keys than DynamoDB reads at once", async () => {
    const { env } = bench.surroundings;
    const call = bench.container(takeSlot, { env: { ...env, DROVER_CLUSTER_SLOTS: "150" } });
    const slot = await call<Slot>(asking("a", { settings: { slots: 100 } }));
    assert.equal(slot.taken, true);
  });
});

describe("the queue", () => {
  test("keeps the hook alive, with pauses within its heartbeat", async () => {
    await raiseGroup(bench, {
      hooks: [{ ...retireHook, heartbeatTimeout: 30 }],
    });
    const { instance, action } = await scaleIn(bench);
    await take("other");
    const state = {
      ...asking("a", { instanceId: instance.id, hook: hookOf(action) }),
      slot: undefined,
    };
    const queued = await bench.call<Slot>(takeSlot, state);
    assert.ok(queued.waitSeconds <= 15);
    assert.deepEqual(action.heartbeats, [bench.clock.now()]);
  });

  test("ends with a heartbeat, since the drain that begins then takes its time", async () => {
    await raiseGroup(bench, { hooks: [{ ...retireHook, heartbeatTimeout: 300 }] });
    const { instance, action } = await scaleIn(bench);
    const state = { ...asking("a", { instanceId: instance.id, hook: hookOf(action) }) };
    await bench.call<Slot>(takeSlot, state);
    assert.deepEqual(action.heartbeats, []);
    await bench.pass(60);
    await bench.call<Slot>(takeSlot, state);
    assert.deepEqual(action.heartbeats, [bench.clock.now()]);
  });

  test("is left without a slot when the hook would not live through it, and counted", async () => {
    await raiseGroup(bench);
    await take("other");
    const hook = (seconds: number) => ({
      name: "drover-default/retire",
      token: "token",
      heartbeatSeconds: 1728,
      startedAt: new Date(bench.clock.now()).toISOString(),
      deadline: new Date(bench.clock.now() + seconds * 1000).toISOString(),
    });
    // 1,800 s of drain and 360 s for what follows it.
    const queued = await take("a", { hook: hook(2165) });
    assert.deepEqual([queued.taken, queued.without, queued.waitSeconds], [false, false, 5]);
    const late = await take("a", { hook: hook(2160) });
    assert.deepEqual(
      [late.taken, late.without, late.waitSeconds, late.underWay],
      [false, true, 0, 2],
    );
    assert.deepEqual(bench.metrics(), [{ pool: "workers", DrainsWithoutSlot: 1 }]);
  });

  test("that is almost too long still takes a slot that is free", async () => {
    const soon = new Date(bench.clock.now() + 100_000).toISOString();
    const hook = { name: "h", token: "t", heartbeatSeconds: 1728, startedAt: soon, deadline: soon };
    assert.equal((await take("a", { hook })).taken, true);
  });

  test("stands still while Drover is stopped, and goes on after", async () => {
    const call = bench.container(takeSlot);
    bench.ssm.put("/drover/default/stop", "stop");
    const held = await call<Slot>(asking("a"));
    assert.equal(held.taken, false);
    assert.match(held.explanation, /Drover is stopped/);
    assert.ok(held.waitSeconds > 0);
    bench.ssm.put("/drover/default/stop", "go");
    await bench.pass(31);
    const free = await call<Slot>(asking("a", { slot: held }));
    assert.equal(free.countFirst, true);
    assert.equal((await call<Slot>(asking("a", { slot: free }))).taken, true);
  });
});
