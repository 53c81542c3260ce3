import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ListExecutionsCommand,
  paginateListExecutions,
  paginateListStateMachines,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";

import type { Outcome } from "../../../rehearsal/emulators/step-functions.ts";
import { createStepFunctions } from "../../../rehearsal/emulators/step-functions.ts";
import { seeded } from "../../../rehearsal/random.ts";
import { serveInProcess } from "../../../rehearsal/wire.ts";
import { createManualClock } from "./manual-clock.ts";

const stateMachineArn = "arn:aws:states:eu-west-1:123456789012:stateMachine:retire-node";

/** The service over an engine whose executions end when the test says so. */
const world = () => {
  const clock = createManualClock();
  const ends = new Map<string, (outcome: Outcome) => void>();
  const stopped: string[] = [];
  const changes: string[] = [];
  const stepFunctions = createStepFunctions({
    clock,
    random: seeded(1),
    publish: ({ detail }) => void changes.push(`${detail.name} ${detail.status}`),
    engine: {
      start: ({ name, stateMachineArn: arn }) => {
        if (arn !== stateMachineArn) return undefined;
        const { promise: outcome, resolve } = Promise.withResolvers<Outcome>();
        ends.set(name, resolve);
        return { outcome, stop: () => void stopped.push(name) };
      },
    },
  });
  const client = new SFNClient({
    region: "eu-west-1",
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    requestHandler: serveInProcess(stepFunctions.service, { clock }),
  });
  const start = async (name?: string, input = "{}", arn = stateMachineArn) =>
    client.send(new StartExecutionCommand({ stateMachineArn: arn, name, input }));
  const describeExecution = (name: string) =>
    client.send(
      new DescribeExecutionCommand({
        executionArn: `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`,
      }),
    );
  const end = async (name: string, outcome: Outcome) => {
    ends.get(name)?.(outcome);
    await clock.pass(0);
  };
  return { clock, stepFunctions, client, start, describeExecution, end, stopped, changes };
};

describe("executions", () => {
  it("start, run and end", async () => {
    const { clock, start, describeExecution, end, changes } = world();
    const { executionArn, startDate } = await start("a", '{"instanceId":"i-1"}');
    assert.equal(startDate?.getTime(), Date.UTC(2026, 0, 1));
    assert.partialDeepStrictEqual(await describeExecution("a"), {
      executionArn,
      stateMachineArn,
      name: "a",
      status: "RUNNING",
      input: '{"instanceId":"i-1"}',
    });
    await clock.pass(60_000);
    await end("a", { status: "SUCCEEDED", output: '{"done":true}' });
    assert.partialDeepStrictEqual(await describeExecution("a"), {
      status: "SUCCEEDED",
      output: '{"done":true}',
      stopDate: new Date(Date.UTC(2026, 0, 1, 0, 1)),
    });
    assert.deepEqual(changes, ["a RUNNING", "a SUCCEEDED"]);
  });

  it("fail with error and cause", async () => {
    const { start, describeExecution, end } = world();
    await start("a");
    await end("a", { status: "FAILED", error: "InputRefused", cause: "why" });
    assert.partialDeepStrictEqual(await describeExecution("a"), {
      status: "FAILED",
      error: "InputRefused",
      cause: "why",
    });
  });

  it("are the same one for the same name and input while it runs", async () => {
    const { clock, start, stepFunctions } = world();
    const first = await start("a", '{"x":1}');
    await clock.pass(1_000);
    assert.deepEqual((await start("a", '{"x":1}')).startDate, first.startDate);
    assert.equal(stepFunctions.executions().length, 1);
    await assert.rejects(start("a", '{"x":2}'), ExecutionAlreadyExists);
    await assert.rejects(start("a", '{ "x": 1 }'), ExecutionAlreadyExists);
  });

  it("keep their name for 90 days after their end", async () => {
    const { clock, start, end } = world();
    await start("a");
    await end("a", { status: "SUCCEEDED", output: "{}" });
    await assert.rejects(start("a"), {
      name: "ExecutionAlreadyExists",
      message: `Execution Already Exists: 'arn:aws:states:eu-west-1:123456789012:execution:retire-node:a'`,
    });
    await clock.pass(91 * 86_400_000);
    await start("a");
  });

  it("get a name of their own when they are given none, and belong to a version's machine", async () => {
    const { start, client } = world();
    const { executionArn } = await start(undefined, "{}", `${stateMachineArn}:7`);
    assert.match(executionArn ?? "", /:execution:retire-node:[\w-]{36}$/);
    const { executions } = await client.send(new ListExecutionsCommand({ stateMachineArn }));
    assert.equal(executions?.length, 1);
  });

  it("are refused with a bad name, a bad input, or no machine", async () => {
    const { start } = world();
    await assert.rejects(start("a b"), { name: "InvalidName" });
    await assert.rejects(start("x".repeat(81)), { name: "InvalidName" });
    await assert.rejects(start("a", "no json"), { name: "InvalidExecutionInput" });
    await assert.rejects(start("a", `"${"x".repeat(262_144)}"`), { name: "InvalidExecutionInput" });
    await assert.rejects(start("a", "{}", `${stateMachineArn}-other`), {
      name: "StateMachineDoesNotExist",
    });
  });

  it("can be stopped, once", async () => {
    const { client, start, describeExecution, end, stopped, changes } = world();
    const { executionArn } = await start("a");
    const stop = () =>
      client.send(new StopExecutionCommand({ executionArn, error: "ByHand", cause: "test" }));
    await stop();
    await stop();
    assert.deepEqual(stopped, ["a"]);
    await end("a", { status: "SUCCEEDED", output: "{}" });
    assert.partialDeepStrictEqual(await describeExecution("a"), {
      status: "ABORTED",
      error: "ByHand",
      cause: "test",
    });
    assert.deepEqual(changes, ["a RUNNING", "a ABORTED"]);
    await assert.rejects(describeExecution("b"), { name: "ExecutionDoesNotExist" });
  });

  it("are listed newest first, by status, page by page", async () => {
    const { client, start, end } = world();
    for (const name of ["a", "b", "c"]) await start(name);
    await end("b", { status: "FAILED" });
    const list = async (statusFilter?: "RUNNING" | "FAILED") => {
      const names: (string | undefined)[] = [];
      const pages = paginateListExecutions(
        { client, pageSize: 2 },
        { stateMachineArn, statusFilter },
      );
      for await (const page of pages)
        names.push(...(page.executions ?? []).map(({ name }) => name));
      return names;
    };
    assert.deepEqual(await list(), ["c", "b", "a"]);
    assert.deepEqual(await list("RUNNING"), ["c", "a"]);
    assert.deepEqual(await list("FAILED"), ["b"]);
  });
});

describe("state machines", () => {
  it("are listed, page by page, and started by rules under names of their own", async () => {
    const clock = createManualClock();
    const arns = Array.from({ length: 130 }, (_, index) => `${stateMachineArn}-${index}`);
    const stepFunctions = createStepFunctions({
      clock,
      random: seeded(1),
      machines: () => arns,
      engine: {
        start: () => ({ outcome: new Promise<Outcome>(() => undefined), stop: () => undefined }),
      },
    });
    const client = new SFNClient({
      region: "eu-west-1",
      credentials: { accessKeyId: "key", secretAccessKey: "secret" },
      requestHandler: serveInProcess(stepFunctions.service, { clock }),
    });
    const names: (string | undefined)[] = [];
    for await (const { stateMachines } of paginateListStateMachines({ client }, {}))
      names.push(...(stateMachines ?? []).map(({ name }) => name));
    assert.equal(names.length, 130);
    assert.equal(names[129], "retire-node-129");

    const one = stepFunctions.startFor(arns[0] ?? "", { detail: 1 });
    const other = stepFunctions.startFor(arns[0] ?? "", { detail: 1 });
    assert.notEqual(one.name, other.name);
    assert.match(one.name, /^[\w-]{1,80}$/);
    assert.equal(one.input, '{"detail":1}');
    assert.equal(stepFunctions.executions().length, 2);
  });
});
