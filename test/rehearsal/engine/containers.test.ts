import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { type HttpHandler, HttpRequest, HttpResponse } from "@smithy/protocol-http";
import { startVirtualTime, type VirtualTime } from "../../../rehearsal/clock/virtual-time.ts";
import { type ContainerFaults, createContainers } from "../../../rehearsal/engine/containers.ts";
import { LambdaFailure } from "../../../rehearsal/engine/lambda-failure.ts";
import { seeded } from "../../../rehearsal/random.ts";
import { createLedger } from "../../../rehearsal/world/ledger.ts";
import type { Surroundings } from "../../../lambdas/runtime/surroundings.ts";
import type { TaskHandler } from "../../../lambdas/runtime/task.ts";

const arn = "arn:aws:lambda:eu-west-1:123456789012:function:find:1";
let time: VirtualTime;
afterEach(() => time.end());

/** One function with a handler of the test's own. */
const deploy = (
  create: (surroundings: Surroundings) => TaskHandler,
  faults: Partial<ContainerFaults> = {},
) => {
  time = startVirtualTime({ seed: 1 });
  const { clock } = time;
  const reached: string[] = [];
  const service: HttpHandler = {
    handle: async (request: HttpRequest) => {
      reached.push(request.path);
      await clock.sleep(1000);
      return { response: new HttpResponse({ statusCode: 200 }) };
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  };
  const ledger = createLedger({ now: () => clock.now(), destinationOf: () => "aws" });
  const containers = createContainers({
    clock,
    random: seeded(1),
    load: () => ({ createHandler: create }),
    surround: (container) => ({
      env: container.spec.env,
      clock,
      random: Math.random,
      awsHandler: ledger.watch(service, container),
      connect: () => ledger.watch(service, container),
      write: () => undefined,
    }),
    faults: { coldStart: [300, 300], overhead: [20, 20], ...faults },
  });
  containers.define({ arn, name: "find", task: "retire/find-node", env: {}, timeoutSeconds: 30 });
  const invoke = async (payload: unknown = {}, instanceId = "i-1") => {
    let answer: { value: unknown } | { error: unknown } | undefined;
    containers.invoke(arn, payload, { instanceId }).then(
      (value) => (answer = { value }),
      (error: unknown) => (answer = { error }),
    );
    const began = clock.now();
    assert.ok(await time.runUntil(() => answer !== undefined));
    return { ...answer, took: clock.now() - began } as {
      value?: unknown;
      error?: LambdaFailure;
      took: number;
    };
  };
  return { clock, containers, invoke, reached, ledger };
};

const call = (surroundings: Surroundings, path: string) =>
  surroundings.awsHandler?.handle(new HttpRequest({ hostname: "aws", path }));

const work = (surroundings: Surroundings) => async () => {
  await call(surroundings, "/one");
  await call(surroundings, "/two");
  return "done";
};

describe("containers", () => {
  test("are cold at first and warm afterwards, and keep what their handler keeps", async () => {
    let made = 0;
    const { invoke, containers } = deploy(() => {
      made += 1;
      let count = 0;
      return async () => (count += 1);
    });
    assert.deepEqual(await invoke(), { value: 1, took: 320 });
    assert.deepEqual(await invoke(), { value: 2, took: 20 });
    assert.equal(made, 1);
    assert.deepEqual(containers.counts, { calls: 2, coldStarts: 1 });
  });

  test("are billed from their start, or else from the call, to its end", async () => {
    const { invoke, containers, clock } = deploy(() => async () => {
      await clock.sleep(1000);
      throw new Error("in vain");
    });
    await invoke({}, "i-1");
    await invoke({}, "i-2");
    assert.deepEqual(containers.invocations, [
      { task: "retire/find-node", subject: { instanceId: "i-1" }, billedMilliseconds: 1320 },
      { task: "retire/find-node", subject: { instanceId: "i-2" }, billedMilliseconds: 1020 },
    ]);
  });

  test("work on one event at a time: another event at the same time takes another one", async () => {
    const { containers, clock } = deploy(() => async () => clock.sleep(1000));
    void containers.invoke(arn, {}, {});
    void containers.invoke(arn, {}, {});
    await time.runUntilIdle();
    assert.equal(containers.counts.coldStarts, 2);
  });

  test("are given up after a while without work", async () => {
    const { invoke, containers } = deploy(() => async () => 1, { keepIdle: 60_000 });
    await invoke();
    await time.pass(61_000);
    await invoke();
    assert.equal(containers.counts.coldStarts, 2);
  });

  test("give each call its event, as its own, and the time that is left", async () => {
    const payload = { list: [1] };
    const { invoke, clock } = deploy(() => async (event, context) => {
      (event as { list: number[] }).list.push(2);
      await clock.sleep(4000);
      return { event, left: context.getRemainingTimeInMillis() };
    });
    const { value } = await invoke(payload);
    assert.deepEqual(value, { event: { list: [1, 2] }, left: 26_000 });
    assert.deepEqual(payload, { list: [1] });
  });

  test("throttle beyond the concurrency", async () => {
    const { invoke, containers, clock } = deploy(() => async () => clock.sleep(1000), {
      concurrency: 1,
    });
    void containers.invoke(arn, {}, {});
    assert.equal((await invoke()).error?.name, "Lambda.TooManyRequestsException");
  });
});

describe("a call that fails", () => {
  test("has the error's name, and Lambda's JSON as its message", async () => {
    const { invoke } = deploy(() => async () => {
      throw new RangeError("too far");
    });
    const { error } = await invoke();
    assert.ok(error instanceof LambdaFailure);
    assert.equal(error.name, "RangeError");
    assert.equal(JSON.parse(error.message).errorMessage, "too far");
  });

  test("fails so too when the handler cannot be made", async () => {
    const { invoke } = deploy(() => {
      throw new TypeError("wrong settings");
    });
    assert.equal((await invoke()).error?.name, "TypeError");
  });

  test("after its time is Sandbox.Timedout, and the next call is a cold one", async () => {
    let calls = 0;
    const { invoke, containers, clock } = deploy(() => async () => {
      calls += 1;
      if (calls === 1) await clock.sleep(60_000);
      return "fine";
    });
    const { error, took } = await invoke();
    assert.equal(error?.name, "Sandbox.Timedout");
    assert.match(JSON.parse(error.message).errorMessage, /Task timed out after 30.00 seconds/);
    assert.equal(took, 30_320);
    assert.equal((await invoke()).value, "fine");
    assert.equal(containers.counts.coldStarts, 2);
  });
});

describe("a container that is killed", () => {
  test("ends its call; what it sent has arrived, and what it would still send goes nowhere", async () => {
    const { containers, invoke, reached } = deploy(work);
    setTimeout(
      () =>
        assert.equal(
          containers.kill(() => true),
          1,
        ),
      500,
    );
    const { error, took } = await invoke();
    assert.equal(error?.name, "Runtime.ExitError");
    assert.equal(took, 500);
    await time.runUntilIdle();
    assert.deepEqual(reached, ["/one"]);
  });

  test("is gone when idle, too", async () => {
    const { containers, invoke } = deploy(work);
    await invoke();
    assert.equal(
      containers.kill(({ spec }) => spec.name === "other"),
      0,
    );
    assert.equal(
      containers.kill(({ spec }) => spec.name === "find"),
      1,
    );
    await invoke();
    assert.equal(containers.counts.coldStarts, 2);
  });

  test("has it entered what was called, and what came of it", async () => {
    const { invoke, ledger } = deploy(work);
    await invoke();
    assert.deepEqual(
      ledger.entries.map(({ operation, answer, task }) => ({ operation, answer, task })),
      [
        { operation: "GET /one", answer: 200, task: "retire/find-node" },
        { operation: "GET /two", answer: 200, task: "retire/find-node" },
      ],
    );
  });

  test("has its calls counted for the instance that they were made for", async () => {
    const { invoke, ledger } = deploy(work);
    await invoke({}, "i-1");
    await invoke({}, "i-2");
    await invoke({}, "i-1");
    assert.deepEqual(ledger.callsFor("i-1"), { nomad: 0, consul: 0, aws: 4 });
    assert.deepEqual(ledger.callsFor("i-2"), { nomad: 0, consul: 0, aws: 2 });
    assert.deepEqual(ledger.callsFor("i-3"), { nomad: 0, consul: 0, aws: 0 });
  });
});

describe("who stands between a function and what it calls", () => {
  test("may answer in the place of the service, or keep an answer to itself", async () => {
    const { invoke, ledger, reached } = deploy(work);
    ledger.interfere(async ({ operation }, send) => {
      if (operation === "GET /one") return { response: new HttpResponse({ statusCode: 503 }) };
      await send();
      throw new Error("the connection broke");
    });
    const { error } = await invoke();
    assert.equal(error?.payload.errorMessage, "the connection broke");
    assert.deepEqual(reached, ["/two"]);
    assert.deepEqual(
      ledger.entries.map(({ answer }) => answer),
      [503, "Error"],
    );
  });

  test("may end the container when the service has done its work", async () => {
    const { containers, invoke, ledger, reached } = deploy(work);
    ledger.interfere(async ({ container }, send) => {
      const answer = await send();
      containers.kill((each) => each === container);
      return answer;
    });
    const { error } = await invoke();
    assert.equal(error?.name, "Runtime.ExitError");
    await time.runUntilIdle();
    assert.deepEqual(reached, ["/one"]);
    assert.equal(ledger.entries[0]?.answer, undefined);
  });

  test("comes nearer to the functions the later it comes, and goes when it is taken away", async () => {
    const { invoke, ledger } = deploy(work);
    const passed: string[] = [];
    const pass = (name: string) =>
      ledger.interfere((_, send) => {
        passed.push(name);
        return send();
      });
    pass("inner");
    const leave = pass("outer");
    await invoke();
    leave();
    await invoke();
    assert.deepEqual(passed, ["outer", "inner", "outer", "inner", "inner", "inner"]);
  });
});
