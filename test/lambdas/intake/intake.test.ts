import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { dynamoRecords } from "../../../lambdas/clients/records.ts";
import * as intake from "../../../lambdas/intake/intake.ts";
import type { Outcome } from "../../../lambdas/intake/intake.ts";
import * as takeOwnership from "../../../lambdas/retire/take-ownership.ts";
import type { BusEvent } from "../../../rehearsal/emulators/event-bridge/bus.ts";
import { type Bench, startBench } from "../bench.ts";
import { hookOf, othersHook, raiseGroup, retireHook, scaleIn } from "../pool.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const deliver = (event: BusEvent) => bench.call<Outcome>(intake, event);
/** An instance under its hook, with the event that tells of it. */
const leaving = async () => {
  await raiseGroup(bench, { desired: 3 });
  const found = await scaleIn(bench);
  bench.operations();
  return found;
};
const read = (instanceId: string) =>
  bench.settle(dynamoRecords(bench.surroundings, "records").read(instanceId));
const started = () =>
  bench.executions.all().map(({ name, input }) => ({ name, input: JSON.parse(input) as unknown }));
const executionOf = (outcome: Outcome): string => {
  assert.ok("execution" in outcome, JSON.stringify(outcome));
  return outcome.execution;
};

describe("an event of ours", () => {
  test("becomes one retirement, with its owner in the record", async () => {
    const { instance, action, event } = await leaving();
    const outcome = await deliver(event);
    assert.equal(outcome.outcome, "started");
    const since = new Date(event.time).toISOString();
    const hook = {
      ...hookOf(action),
      startedAt: since,
      deadline: new Date(Date.parse(since) + 48 * 3_600_000).toISOString(),
    };
    assert.deepEqual(started(), [
      {
        name: `retire-${instance.id}-${action.token.slice(0, 8)}`,
        input: {
          instanceId: instance.id,
          pool: "workers",
          group: "workers",
          reason: "the group terminates it",
          since,
          destination: "terminated",
          hook,
        },
      },
    ]);
    const record = await read(instance.id);
    assert.deepEqual(
      [record?.execution, record?.phase, record?.hook],
      [executionOf(outcome), "retiring", hook],
    );
  });

  test("makes as many calls in any group", async () => {
    const { event } = await leaving();
    await deliver(event);
    assert.deepEqual(bench.operations().toSorted(), [
      "DescribeLifecycleHooks",
      "DescribeTags",
      "GetResources",
      "StartExecution",
      "UpdateItem",
    ]);
  });

  test("knows the limits of its hook: a hundred heartbeats, or 48 hours", async () => {
    await raiseGroup(bench, { hooks: [{ ...retireHook, heartbeatTimeout: 60 }] });
    const { instance, event } = await scaleIn(bench);
    await deliver(event);
    const hook = (await read(instance.id))?.hook;
    assert.equal(hook?.heartbeatSeconds, 60);
    assert.equal(Date.parse(hook.deadline) - Date.parse(hook.startedAt), 6_000_000);
  });

  test("whose hook was removed since counts with AWS's defaults", async () => {
    const { instance, event } = await leaving();
    bench.autoScaling.group("workers").hooks.clear();
    await deliver(event);
    assert.equal((await read(instance.id))?.hook?.heartbeatSeconds, 3600);
  });

  test("may be on the way into a warm pool", async () => {
    const warmPool = {
      minSize: 0,
      maxPrepared: 0,
      state: "Stopped",
      reuseOnScaleIn: true,
    } as const;
    await raiseGroup(bench, { warmPool });
    const { event } = await scaleIn(bench);
    await deliver(event);
    const [{ input } = { input: undefined }] = started();
    const { destination, reason } = input as { destination: string; reason: string };
    assert.deepEqual([destination, reason], ["warm pool", "goes into the warm pool"]);
  });
});

describe("an event that comes again", () => {
  test("while its retirement runs joins it, and starts nothing", async () => {
    const { event } = await leaving();
    const first = await deliver(event);
    await bench.pass(60);
    const again = await deliver(event);
    assert.ok(["started", "joined"].includes(again.outcome));
    assert.equal(executionOf(again), executionOf(first));
    assert.equal(started().length, 1);
  });

  test("at the same moment starts one retirement", async () => {
    const { event } = await leaving();
    const outcomes = await bench.settle(
      Promise.all([1, 2, 3].map(() => bench.begin<Outcome>(intake, event))),
    );
    assert.equal(new Set(outcomes.map(executionOf)).size, 1);
    assert.equal(started().length, 1);
  });

  test("after its retirement was over does nothing, and the record stays", async () => {
    const { instance, event } = await leaving();
    const execution = executionOf(await deliver(event));
    const records = dynamoRecords(bench.surroundings, "records");
    await bench.settle(records.end(instance.id, execution, "retired"));
    await bench.settle(bench.executions.succeed(execution));
    assert.deepEqual(await deliver(event), { outcome: "over already", execution });
    assert.equal((await read(instance.id))?.phase, "retired");
    assert.equal(started().length, 1);
  });

  test("after its retirement ended badly begins another, under a name of its own", async () => {
    const { instance, event } = await leaving();
    const execution = executionOf(await deliver(event));
    await bench.settle(bench.executions.fail(execution));
    await bench.pass(60);
    const second = await deliver(event);
    assert.equal(second.outcome, "started");
    assert.notEqual(executionOf(second), execution);
    assert.equal((await read(instance.id))?.execution, executionOf(second));
    const names = started().map(({ name }) => name);
    assert.ok(names.every((name) => name.length <= 80 && /^[\w-]+$/.test(name)));
  });

  test("after intake died between the record and the start begins what the record names", async () => {
    const { instance, event } = await leaving();
    bench.meddle(({ operation }) => {
      if (operation === "StartExecution") throw new Error("the container is gone");
    });
    await assert.rejects(deliver(event));
    const owner = (await read(instance.id))?.execution;
    bench.meddle(() => undefined);
    const again = await deliver(event);
    assert.deepEqual(again, { outcome: "started", execution: owner });
  });
});

describe("an instance that is being retired already", () => {
  /** A person has started its retirement before its hook was there. */
  const byHand = async () => {
    const [instance] = await raiseGroup(bench, { desired: 3 });
    assert.ok(instance);
    const execution = await bench.settle(bench.executions.start("by-hand"));
    const startedAt = new Date(bench.clock.now()).toISOString();
    await bench.call(takeOwnership, { input: { instanceId: instance.id }, execution, startedAt });
    bench.autoScaling.powerOff(instance.id);
    await bench.until(() => instance.state === "Terminating:Wait");
    const event = bench.events.findLast(({ detail }) =>
      JSON.stringify(detail).includes(instance.id),
    );
    assert.ok(event);
    return { instance, execution, event };
  };

  test("is joined: its owner is told of the hook", async () => {
    const { instance, execution, event } = await byHand();
    assert.deepEqual(await deliver(event), { outcome: "joined", execution });
    const record = await read(instance.id);
    assert.deepEqual(
      [record?.execution, record?.hook?.token],
      [execution, instance.actions[0]?.token],
    );
    assert.equal(started().length, 1);
  });

  test("keeps the tighter of two deadlines of one hook", async () => {
    const { instance, execution, event } = await byHand();
    await deliver(event);
    const hook = (await read(instance.id))?.hook;
    assert.ok(hook);
    const tighter = { ...hook, deadline: new Date(bench.clock.now() + 60_000).toISOString() };
    const records = dynamoRecords(bench.surroundings, "records");
    await bench.settle(records.attachHook(instance.id, execution, tighter));
    await deliver(event);
    assert.deepEqual((await read(instance.id))?.hook, tighter);
  });

  test("keeps its hook when an old event of an earlier one is delivered again", async () => {
    const { instance, execution, event } = await byHand();
    await deliver(event);
    const current = (await read(instance.id))?.hook;
    const old = {
      ...event,
      time: new Date(Date.parse(event.time) - 3_600_000).toISOString(),
      detail: { ...(event.detail as object), LifecycleActionToken: "an-earlier-token" },
    };
    assert.deepEqual(await deliver(old), { outcome: "joined", execution });
    assert.deepEqual((await read(instance.id))?.hook, current);
  });

  test("is taken over when that retirement is dead", async () => {
    const { instance, execution, event } = await byHand();
    await bench.settle(bench.executions.fail(execution));
    const outcome = await deliver(event);
    assert.equal(outcome.outcome, "started");
    assert.equal((await read(instance.id))?.execution, executionOf(outcome));
  });

  test("is not lost between two: an owner that ends while it is joined is followed", async () => {
    const { instance, execution, event } = await byHand();
    const records = dynamoRecords(bench.surroundings, "records");
    let isEnded = false;
    bench.meddle(async ({ operation }) => {
      if (operation !== "DescribeExecution" || isEnded) return undefined;
      isEnded = true;
      await records.end(instance.id, execution, "failed");
      return undefined;
    });
    const outcome = await deliver(event);
    assert.equal(outcome.outcome, "started");
    assert.equal((await read(instance.id))?.execution, executionOf(outcome));
  });
});

describe("an event that is not ours", () => {
  const dropped = async (event: BusEvent, why: RegExp) => {
    const outcome = await deliver(event);
    assert.equal(outcome.outcome, "dropped");
    assert.match((outcome as { why: string }).why, why);
    assert.deepEqual(bench.metrics(), [{ pool: "none", EventsDropped: 1 }]);
    assert.deepEqual(bench.dynamoDb.items("records"), []);
    assert.deepEqual(started(), []);
  };

  test("is dropped by the name of its hook, without a call", async () => {
    const hooks = [retireHook, othersHook, { ...retireHook, name: "drover-default2/retire" }];
    await raiseGroup(bench, { hooks });
    await scaleIn(bench);
    for (const name of ["others-hook", "drover-default2/retire"]) {
      bench.operations();
      bench.lines.length = 0;
      const event = bench.events.find(({ detail }) => JSON.stringify(detail).includes(name));
      assert.ok(event);
      await dropped(event, /not ours/);
      assert.deepEqual(bench.operations(), []);
    }
  });

  for (const [title, tags] of [
    ["without tags", {}],
    ["of another cluster", { "drover:cluster": "other", "drover:pool": "workers" }],
  ] as const) {
    test(`is dropped with a group ${title}`, async () => {
      await raiseGroup(bench, { tags });
      await dropped((await scaleIn(bench)).event, /hook drover-default\/retire of group workers/);
    });
  }

  test("is dropped by its kind", async () => {
    const { event } = await leaving();
    await dropped({ ...event, "detail-type": "Something" }, /no parser for aws.autoscaling/);
  });
});

describe("an instance with the tag drover:hold", () => {
  test("is held: its hook is left alone, and that is counted", async () => {
    const { instance, action, event } = await leaving();
    const arn = `arn:aws:ec2:eu-west-1:123456789012:instance/${instance.id}`;
    bench.tags.put(arn, "drover:hold", "look at the disk");
    assert.deepEqual(await deliver(event), { outcome: "held", why: "the tag drover:hold" });
    assert.deepEqual(bench.metrics(), [{ pool: "workers", InstancesHeld: 1 }]);
    assert.deepEqual([started(), action.outcome], [[], undefined]);
    bench.tags.remove(arn, "drover:hold");
    assert.equal((await deliver(event)).outcome, "started");
  });
});

describe("an envelope that is none", () => {
  test("is refused with all that is wrong with it", async () => {
    const { event } = await leaving();
    const { account: _account, ...less } = event;
    await assert.rejects(deliver({ ...less, time: "yesterday" } as unknown as BusEvent), {
      name: "InputRefused",
      message: /account: .*; time: has to be a moment/,
    });
  });
});
