import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as v from "valibot";
import { ClusterFailure, type FailureKind } from "../../../lambdas/clients/cluster-api.ts";
import { systemClock } from "../../../lambdas/runtime/clock.ts";
import { type Call, task } from "../../../lambdas/runtime/task.ts";

const context = { awsRequestId: "request-1", getRemainingTimeInMillis: () => 1000 };
const schema = v.object({ a: v.number(), b: v.string() });
const right = { a: 1, b: "x" };

/** A handler with what it writes. */
const handlerOf = (
  run: (input: v.InferOutput<typeof schema>, call: Call) => Promise<unknown>,
  any: v.GenericSchema = schema,
) => {
  const lines: string[] = [];
  const handler = task(
    {
      env: { DROVER_CLUSTER: "default" },
      clock: systemClock,
      random: Math.random,
      connect: () => assert.fail("nothing is called"),
      write: (line) => void lines.push(line),
    },
    any as typeof schema,
    run,
  );
  const records = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { handler: (event: unknown) => handler(event, context), records };
};
const failing = (reason: Error) =>
  handlerOf(async () => {
    throw reason;
  }, v.unknown());

describe("an input", () => {
  test("is refused with all that is wrong with it, before anything is done", async () => {
    const { handler } = handlerOf(() => assert.fail("it ran"));
    await assert.rejects(handler({ a: "1" }), (error: Error) => {
      assert.equal(error.name, "InputRefused");
      assert.match(error.message, /^a: .*; b: /);
      return true;
    });
    await assert.rejects(handler(null), { name: "InputRefused" });
  });

  test("is given as it was parsed, with the time that is left", async () => {
    const { handler } = handlerOf(async (input, { remaining }) => ({ input, left: remaining() }));
    assert.deepEqual(await handler({ ...right, more: true }), { input: right, left: 1000 });
  });
});

describe("an error", () => {
  for (const [kind, name, metric] of [
    ["unreachable", "ClusterUnavailable", { NomadUnreachable: 1 }],
    ["refused", "ClusterUnavailable", { NomadRefused: 1 }],
    ["busy", "ClusterUnavailable", undefined],
    ["missing", "ClusterFailure", undefined],
    ["rejected", "ClusterFailure", undefined],
  ] as const satisfies readonly (readonly [FailureKind, string, unknown])[]) {
    test(`of a cluster that is ${kind} leaves as ${name}, ${metric ? "counted" : "uncounted"}`, async () => {
      const failure = new ClusterFailure("Nomad", kind, "GET /v1/nodes", { text: "said" });
      const { handler, records } = failing(failure);
      await assert.rejects(handler({ pool: "workers" }), {
        name,
        message: /GET \/v1\/nodes: said/,
      });
      const [counted] = records().filter((record) => "_aws" in record);
      assert.equal(counted !== undefined, metric !== undefined);
      if (metric) assert.deepEqual({ ...counted, ...metric, pool: "workers" }, counted);
    });
  }

  test("of our own leaves under its own name, and is logged", async () => {
    const { handler, records } = failing(new TypeError("x is not a function"));
    await assert.rejects(handler({}), { name: "TypeError" });
    const [line] = records();
    assert.deepEqual([line?.["level"], line?.["message"]], ["ERROR", "the task failed"]);
    assert.match(JSON.stringify(line?.["error"]), /x is not a function/);
  });
});

describe("a line of the log", () => {
  const logged = async (event: unknown) => {
    const { handler, records } = handlerOf(
      async (_input, { log }) => log.info("hello", { more: 1 }),
      v.unknown(),
    );
    await handler(event);
    const { instance, pool, execution, node, request, service, message, more } = records()[0] ?? {};
    return { instance, pool, execution, node, request, service, message, more };
  };
  const always = { request: "request-1", service: "drover-default", message: "hello", more: 1 };
  const about = { instanceId: "i-1", pool: "workers", execution: "arn" };
  const whole = { instance: "i-1", pool: "workers", execution: "arn", ...always };

  for (const [title, event, expected] of [
    ["says whom it is about", { ...about, node: { id: "n-1" } }, { ...whole, node: "n-1" }],
    ["says it without a node too", about, { ...whole, node: undefined }],
    [
      "says it of a pass of a drain",
      { pass: "work", retirement: { ...about, node: { id: "n-1" } } },
      { ...whole, node: "n-1" },
    ],
    [
      "says it of what an execution was asked",
      { input: { instanceId: "i-1", pool: "workers", execution: "before" }, execution: "arn" },
      { ...whole, node: undefined },
    ],
    [
      "says it of an event",
      { detail: { EC2InstanceId: "i-1" } },
      { ...always, instance: "i-1", pool: undefined, execution: undefined, node: undefined },
    ],
    [
      "says nothing of an event that is none",
      "text",
      { ...always, instance: undefined, pool: undefined, execution: undefined, node: undefined },
    ],
  ] as const) {
    test(title, async () => assert.deepEqual(await logged(event), expected));
  }

  test("says nothing of the event before", async () => {
    const { handler, records } = handlerOf(
      async (_input, { log }) => log.info("hello"),
      v.unknown(),
    );
    await handler({ ...about, node: { id: "n-1" } });
    await handler({ instanceId: "i-2" });
    const [, second] = records();
    assert.deepEqual(
      [second?.["instance"], second?.["pool"], second?.["node"]],
      ["i-2", undefined, undefined],
    );
  });
});
