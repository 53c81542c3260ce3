import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { dynamoRecords } from "../../../lambdas/clients/records.ts";
import * as takeOwnership from "../../../lambdas/retire/take-ownership.ts";
import type { Retirement } from "../../../lambdas/retire/retirement.ts";
import { type Bench, startBench } from "../bench.ts";
import { executionArnOf } from "../executions.ts";
import { takenSlot } from "./stages.ts";
import { hookOf, raiseGroup, scaleIn } from "../pool.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

/** What Step Functions passes for an execution of this name. */
const payload = (input: unknown, name = "mine") => ({
  input,
  execution: executionArnOf(name),
  startedAt: new Date(bench.clock.now()).toISOString(),
});
const take = (input: unknown, name?: string) =>
  bench.call<Retirement>(takeOwnership, payload(input, name));
const read = (instanceId: string) =>
  bench.settle(dynamoRecords(bench.surroundings, "records").read(instanceId));
const runningInstance = async () => {
  const [instance] = await raiseGroup(bench);
  assert.ok(instance);
  return instance;
};
/** What intake starts an execution with. */
const order = async () => {
  await raiseGroup(bench);
  const { instance, action } = await scaleIn(bench);
  return {
    instanceId: instance.id,
    pool: "workers",
    group: "workers",
    reason: "the group terminates it",
    since: new Date(action.startedAt).toISOString(),
    destination: "terminated" as const,
    hook: hookOf(action),
  };
};

describe("an event", () => {
  test("is taken as it is, with the settings of the pool", async () => {
    const asked = await order();
    bench.ssm.put("/drover/default/pools/workers", '{"slots":4}');
    const retirement = await take(asked);
    const { settings, ...rest } = retirement;
    assert.deepEqual(rest, { ...asked, execution: executionArnOf("mine"), capacity: null });
    assert.equal(settings.slots, 4);
    const record = await read(asked.instanceId);
    assert.deepEqual(
      [record?.execution, record?.phase, record?.hook],
      [executionArnOf("mine"), "retiring", asked.hook],
    );
  });

  test("is taken again by a repeated call, which keeps what the record has learnt since", async () => {
    const asked = await order();
    const first = await take(asked);
    const tighter = { ...asked.hook, deadline: new Date(bench.clock.now() + 1e6).toISOString() };
    const records = dynamoRecords(bench.surroundings, "records");
    await bench.settle(records.attachHook(asked.instanceId, first.execution, tighter));
    assert.deepEqual((await take(asked)).hook, tighter);
    assert.deepEqual((await read(asked.instanceId))?.hook, tighter);
  });

  test("calls no more of Auto Scaling than the record needs: nothing", async () => {
    const asked = await order();
    bench.operations();
    await take(asked);
    assert.deepEqual(bench.operations("autoscaling"), []);
  });
});

describe("a person", () => {
  test("retires a running instance, which has no hook yet", async () => {
    const { id } = await runningInstance();
    const retirement = await take({ instanceId: id });
    const { pool, group, reason, hook, capacity, destination } = retirement;
    assert.deepEqual(
      [pool, group, reason, hook, capacity, destination],
      ["workers", "workers", "started by a person", null, "replace", "terminated"],
    );
    assert.equal((await take({ instanceId: id, capacity: "shrink" })).capacity, "shrink");
  });

  test("takes over an instance whose event was lost, with the hook that it waits under", async () => {
    await raiseGroup(bench);
    const { instance } = await scaleIn(bench);
    const { hook, capacity } = await take({ instanceId: instance.id });
    assert.deepEqual(
      [hook?.name, hook?.token, hook?.heartbeatSeconds, capacity],
      ["drover-default/retire", undefined, 1728, null],
    );
  });

  for (const [title, input, said] of [
    ["a misspelt field", { instance: "i-0123456789abcdef0" }, /instance: there is no such field/],
    ["a wrong type", { instanceId: 5 }, /instanceId: has to be text/],
    ["a wrong capacity", { instanceId: "i-0123456789abcdef0", capacity: "x" }, /capacity: has to/],
    ["nothing at all", {}, /Right are \{"instanceId"/],
    [
      "an instance that no group has",
      { instanceId: "i-0123456789abcdef0" },
      /no Auto Scaling group/,
    ],
  ] as const) {
    test(`is refused ${title}, and nothing is changed`, async () => {
      await assert.rejects(take(input), { name: "InputRefused", message: said });
      assert.deepEqual(bench.dynamoDb.items("records"), []);
    });
  }

  for (const [title, tags] of [
    ["of nobody", {}],
    ["of another cluster", { "drover:cluster": "other", "drover:pool": "workers" }],
    ["without a pool", { "drover:cluster": "default" }],
  ] as const) {
    test(`is refused an instance of a group ${title}`, async () => {
      const [instance] = await raiseGroup(bench, { name: "theirs", tags });
      await assert.rejects(take({ instanceId: instance?.id }), {
        name: "InputRefused",
        message: /group theirs .* is not managed by this Drover.*drover:cluster=default/,
      });
    });
  }

  for (const state of [
    "Pending:Wait",
    "Terminating:Proceed",
    "Warmed:Stopped",
    "Detaching",
  ] as const) {
    test(`is refused an instance that is ${state}`, async () => {
      const instance = await runningInstance();
      instance.state = state;
      await assert.rejects(take({ instanceId: instance.id }), {
        name: "InputRefused",
        message: new RegExp(`is ${state}; only an instance that is InService`),
      });
    });
  }

  test("may retire one in standby", async () => {
    const instance = await runningInstance();
    instance.state = "Standby";
    assert.equal((await take({ instanceId: instance.id })).hook, null);
  });
});

describe("an instance that somebody has", () => {
  test("is refused while that execution runs, and by whom", async () => {
    const { id } = await runningInstance();
    const owner = await bench.settle(bench.executions.start("theirs"));
    await take({ instanceId: id }, "theirs");
    await assert.rejects(take({ instanceId: id }), {
      name: "AlreadyOwned",
      message: new RegExp(`being retired already.*by ${owner}`),
    });
    assert.equal((await read(id))?.execution, owner);
  });

  for (const [title, end] of [
    ["failed", "fail"],
    ["has succeeded without giving it back", "succeed"],
  ] as const) {
    test(`is taken over when that execution ${title}`, async () => {
      const { id } = await runningInstance();
      const owner = await bench.settle(bench.executions.start("theirs"));
      await take({ instanceId: id }, "theirs");
      await bench.settle(bench.executions[end](owner));
      await take({ instanceId: id });
      assert.equal((await read(id))?.execution, executionArnOf("mine"));
    });
  }

  test("is taken over when that execution never came to be", async () => {
    const { id } = await runningInstance();
    await take({ instanceId: id }, "never started");
    await take({ instanceId: id });
    assert.equal((await read(id))?.execution, executionArnOf("mine"));
  });

  test("is taken over by one of two that come at the same moment", async () => {
    const { id } = await runningInstance();
    await take({ instanceId: id }, "never started");
    for (const name of ["a", "b"]) await bench.settle(bench.executions.start(name));
    const answers = await bench.settle(
      Promise.allSettled(
        ["a", "b"].map((name) => bench.begin(takeOwnership, payload({ instanceId: id }, name))),
      ),
    );
    const lost = answers.find((each) => each.status === "rejected");
    assert.equal(answers.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal((lost?.reason as Error | undefined)?.name, "AlreadyOwned");
  });
});

describe("settings", () => {
  test("that are wrong are refused by their name when a person retires a running instance", async () => {
    const { id } = await runningInstance();
    bench.ssm.put("/drover/default/pools/workers", '{"slot":4}');
    await assert.rejects(take({ instanceId: id }), {
      name: "SettingsRefused",
      message: /pools\/workers is not right.*slot: there is no such field/,
    });
    assert.deepEqual(bench.dynamoDb.items("records"), []);
  });

  for (const [title, text, said] of [
    ["with a field that is misspelt", '{"slot":4,"onDrainFailure":"retain"}', /slot: there is no/],
    ["with a value that is out of bounds", '{"slots":0,"onDrainFailure":"retain"}', /slots: .*0/],
    ["that are no JSON", "slots=4", /it is no JSON/],
  ] as const) {
    test(`${title} let nothing begin under a hook, until they are mended`, async () => {
      const asked = await order();
      bench.ssm.put("/drover/default/pools/workers", text);
      const held = await take(asked);
      assert.match(held.stopped?.explanation ?? "", /pools\/workers is not right, correct it/);
      assert.match(held.stopped?.explanation ?? "", said);
      assert.equal(held.stopped?.waitSeconds, 30);
      assert.equal(held.settings.onDrainFailure, text.startsWith("{") ? "retain" : "continue");
      assert.deepEqual(bench.metrics(), [{ pool: "workers", SettingsRefused: 1 }]);
      assert.ok(
        bench.logs().some(({ level, message }) => level === "ERROR" && said.test(String(message))),
      );
      bench.ssm.put("/drover/default/pools/workers", '{"slots":4}');
      const { stopped, settings } = await take(held);
      assert.deepEqual([stopped, settings.slots], [undefined, 4]);
    });
  }

  test("that stay wrong until the hook lives no longer are refused, for the way out to decide it", async () => {
    const asked = await order();
    bench.ssm.put("/drover/default/pools/workers", '{"slot":4}');
    const held = await take(asked);
    await bench.pass((Date.parse(asked.hook.deadline) - bench.clock.now()) / 1000 - 60);
    await assert.rejects(take(held), { name: "SettingsRefused", message: /slot: there is no/ });
  });

  test("of a stopped Drover hold everything still, and it goes on from there", async () => {
    const asked = await order();
    bench.ssm.put("/drover/default/stop", "stop");
    const held = await take(asked);
    assert.deepEqual(held.stopped, {
      waitSeconds: 30,
      explanation: "Drover is stopped: set /drover/default/stop to go.",
    });
    await bench.pass(3600);
    const still = await take(held);
    assert.equal(still.stopped?.waitSeconds, 300);
    bench.ssm.put("/drover/default/stop", "go");
    const { stopped, ...rest } = await take(still);
    assert.equal(stopped, undefined);
    const { stopped: _stopped, ...before } = held;
    assert.deepEqual(rest, before);
  });
});

describe("back from waiting for the node", () => {
  const waited = async () => {
    const first = await take(await order());
    const node = {
      answer: "registered",
      next: "begin-again",
      explanation: "",
      waitSeconds: 0,
      since: first.since,
      id: "n-1",
    };
    return { ...first, node, slot: takenSlot };
  };

  test("it hears that Drover was stopped meanwhile, and loses nothing that is known", async () => {
    const state = await waited();
    bench.ssm.put("/drover/default/stop", "stop");
    const { stopped, ...rest } = await take(state);
    assert.equal(stopped?.waitSeconds, 30);
    assert.deepEqual(rest, state);
    await bench.pass(31);
    bench.ssm.put("/drover/default/stop", "go");
    assert.deepEqual(await take({ ...state, stopped }), state);
  });

  test("it keeps the settings that it began with", async () => {
    const state = await waited();
    bench.ssm.put("/drover/default/pools/workers", '{"slots":4}');
    assert.deepEqual((await take(state)).settings, state.settings);
  });
});

test("a refusal is logged with whom it is about", async () => {
  const id = "i-0123456789abcdef0";
  await assert.rejects(take({ instanceId: id }));
  const [line] = bench.logs();
  assert.deepEqual(
    [line?.["level"], line?.["instance"], line?.["execution"]],
    ["ERROR", id, executionArnOf("mine")],
  );
});
