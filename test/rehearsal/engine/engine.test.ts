import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LambdaFailure } from "../../../rehearsal/engine/lambda-failure.ts";
import { functionArn, machineArn, runMachine, taskState } from "./machines.ts";

const single = (changed: Record<string, unknown> = {}, machine: Record<string, unknown> = {}) => ({
  StartAt: "Find",
  States: { Find: taskState(changed), Ended: { Type: "Succeed" } },
  ...machine,
});

const always = { ErrorEquals: ["States.ALL"], IntervalSeconds: 2, MaxAttempts: 3, BackoffRate: 2 };

describe("an execution", () => {
  test("calls its function with its input and ends with the answer", async () => {
    const { execution, calls } = await runMachine(single(), {
      input: { instanceId: "i-1" },
      invoke: async () => ({ found: true }),
    });
    assert.deepEqual(calls, [
      {
        functionArn,
        payload: { instanceId: "i-1" },
        executionArn: execution.executionArn,
        state: "Find",
      },
    ]);
    assert.equal(execution.status, "SUCCEEDED");
    assert.equal(execution.output, '{"found":true}');
  });

  test("knows itself by the context object", async () => {
    const { execution, calls, startedAt } = await runMachine(
      single({
        Parameters: {
          "id.$": "$$.Execution.Id",
          "name.$": "$$.Execution.Name",
          "at.$": "$$.Execution.StartTime",
          "machine.$": "$$.StateMachine.Id",
          "input.$": "$",
        },
      }),
      { input: 7 },
    );
    assert.deepEqual(calls[0]?.payload, {
      id: execution.executionArn,
      name: "one",
      at: new Date(startedAt).toISOString(),
      machine: machineArn,
      input: 7,
    });
  });

  test("announces its beginning and its end on the bus", async () => {
    const { changes } = await runMachine(single(), { invoke: async () => 1 });
    const statuses = changes.map(({ detail }) => (detail as { status: string }).status);
    assert.deepEqual(statuses.sort(), ["RUNNING", "SUCCEEDED"]);
  });

  test("tells its events with the milliseconds of virtual time, and its transitions as billed", async () => {
    let attempts = 0;
    const { run, startedAt } = await runMachine(
      {
        StartAt: "Pause",
        States: {
          Pause: { Type: "Wait", Seconds: 90, Next: "Find" },
          Find: taskState({ Retry: [always], Next: "Ended", End: undefined }),
          Ended: { Type: "Succeed" },
        },
      },
      {
        invoke: async () => {
          attempts += 1;
          if (attempts < 3) throw LambdaFailure.ofThrown(new Error("not yet"));
          return {};
        },
      },
    );
    const entered = run.events.filter(({ type }) => type === "StateEntered");
    assert.deepEqual(
      entered.map(({ state, at }) => [state, at - startedAt]),
      [
        ["Pause", 0],
        ["Find", 90_000],
        ["Ended", 96_000],
      ],
    );
    // Three states, and two retries.
    assert.equal(run.transitions, 5);
  });
});

describe("errors", () => {
  const failing = (error: Error) => ({
    invoke: async () => {
      throw LambdaFailure.ofThrown(error);
    },
  });

  test("have the name of the class, and Lambda's JSON as their cause", async () => {
    class InputRefused extends Error {
      override readonly name = "InputRefused";
    }
    const { execution } = await runMachine(
      single(),
      failing(new InputRefused("instanceId: missing")),
    );
    assert.equal(execution.status, "FAILED");
    assert.equal(execution.error, "InputRefused");
    const cause = JSON.parse(execution.cause ?? "");
    assert.equal(cause.errorType, "InputRefused");
    assert.equal(cause.errorMessage, "instanceId: missing");
    assert.ok(Array.isArray(cause.trace));
  });

  test("are caught by name, with name and cause where the path says", async () => {
    const { execution } = await runMachine(
      single({
        Catch: [{ ErrorEquals: ["TypeError"], ResultPath: "$.error", Next: "Ended" }],
      }),
      { input: { kept: 1 }, ...failing(new TypeError("no")) },
    );
    assert.equal(execution.status, "SUCCEEDED");
    const output = JSON.parse(execution.output ?? "");
    assert.equal(output.kept, 1);
    assert.equal(output.error.Error, "TypeError");
    assert.equal(JSON.parse(output.error.Cause).errorMessage, "no");
  });

  test("a task that takes longer than its TimeoutSeconds is States.Timeout", async () => {
    const { execution, run, startedAt } = await runMachine(single({ TimeoutSeconds: 20 }), {
      invoke: () => new Promise(() => {}),
    });
    assert.equal(execution.error, "States.Timeout");
    assert.equal((run.events.at(-1)?.at ?? 0) - startedAt, 20_000);
  });

  test("a path that leads nowhere is States.Runtime, which nothing catches", async () => {
    const { execution } = await runMachine(
      {
        StartAt: "Pause",
        States: {
          Pause: { Type: "Wait", SecondsPath: "$.missing", Next: "Ended" },
          Ended: { Type: "Succeed" },
        },
      },
      {},
    );
    assert.equal(execution.status, "FAILED");
    assert.equal(execution.error, "States.Runtime");
  });

  test("an execution beyond its time is TIMED_OUT, even after 40 days", async () => {
    const { execution, startedAt } = await runMachine(
      {
        StartAt: "Pause",
        TimeoutSeconds: 40 * 86_400,
        States: { Pause: { Type: "Wait", Seconds: 50 * 86_400, End: true } },
      },
      {},
    );
    assert.equal(execution.status, "TIMED_OUT");
    assert.equal((execution.stoppedAt ?? 0) - startedAt, 40 * 86_400_000);
  });
});

describe("an execution that is stopped", () => {
  test("is ABORTED, runs no Catch, and does nothing more", async () => {
    const { execution, calls } = await runMachine(
      single({
        Retry: [always],
        Catch: [{ ErrorEquals: ["States.ALL"], Next: "Ended" }],
      }),
      {
        invoke: async () => {
          throw LambdaFailure.ofThrown(new Error("again"));
        },
        stopAfter: 1000,
      },
    );
    assert.equal(execution.status, "ABORTED");
    assert.equal(execution.error, "By.Hand");
    // It was stopped in the pause before the first retry.
    assert.equal(calls.length, 1);
  });

  test("in a Wait, does not go on to the next state", async () => {
    const { execution, calls } = await runMachine(
      {
        StartAt: "Pause",
        States: { Pause: { Type: "Wait", Seconds: 60, Next: "Find" }, Find: taskState() },
      },
      { stopAfter: 1000 },
    );
    assert.equal(execution.status, "ABORTED");
    assert.equal((execution.stoppedAt ?? 0) - execution.startedAt, 1000);
    assert.deepEqual(calls, []);
  });
});

describe("limits of Step Functions", () => {
  const caught = {
    Retry: [always],
    Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: "Ended" }],
  };

  test("an answer above 256 KiB ends the execution, whatever it would catch", async () => {
    const { execution, calls } = await runMachine(single(caught), {
      invoke: async () => ({ text: "x".repeat(262_144) }),
    });
    assert.equal(execution.error, "States.DataLimitExceeded");
    assert.match(execution.cause ?? "", /the answer of the function of Find/);
    assert.equal(calls.length, 1);
  });

  test("so does a state whose input has grown above it, and bytes count, not characters", async () => {
    const grow = { invoke: async () => ({ text: "€".repeat(50_000) }) };
    const { execution, calls } = await runMachine(
      {
        StartAt: "One",
        States: {
          One: taskState({
            ResultPath: "$.one",
            Next: "Two",
            End: undefined,
            Resource: functionArn,
          }),
          Two: taskState({ ResultPath: "$.two", Next: "Three", End: undefined }),
          Three: taskState(),
        },
      },
      { input: {}, ...grow },
    );
    assert.equal(execution.status, "FAILED");
    assert.equal(execution.error, "States.DataLimitExceeded");
    assert.match(execution.cause ?? "", /Three/);
    assert.equal(calls.length, 2);
  });

  test("an answer of just 256 KiB passes", async () => {
    const { execution } = await runMachine(single(), {
      invoke: async () => "x".repeat(262_142),
    });
    assert.equal(execution.status, "SUCCEEDED");
  });

  test("a history of 25,000 entries ends a loop", async () => {
    const { execution, run } = await runMachine({
      StartAt: "Pause",
      States: {
        Pause: { Type: "Wait", Seconds: 1, Next: "Again" },
        Again: {
          Type: "Choice",
          Choices: [{ Variable: "$.never", IsPresent: true, Next: "Pause" }],
          Default: "Pause",
        },
      },
    });
    assert.equal(execution.status, "FAILED");
    assert.match(execution.cause ?? "", /maximum number of history events/);
    assert.ok(run.historyEvents > 25_000 && run.historyEvents < 25_010, `${run.historyEvents}`);
  });
});
