import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { prepareDefinition } from "../../../rehearsal/engine/definition.ts";

const lambda = "arn:aws:lambda:eu-west-1:123456789012:function:find:1";
const task = { Type: "Task", Resource: lambda, TimeoutSeconds: 60, End: true };

const prepare = (states: Record<string, unknown>, machine: Record<string, unknown> = {}) =>
  prepareDefinition(
    "retire",
    JSON.stringify({ StartAt: Object.keys(states)[0], States: states, ...machine }),
  );

describe("a definition that the engine can carry out", () => {
  test("gives its tasks, also those of nested machines", () => {
    const { tasks } = prepare({
      Find: { ...task, End: undefined, Next: "Both" },
      Both: {
        Type: "Parallel",
        End: true,
        Branches: [{ StartAt: "Left", States: { Left: task } }],
      },
      Each: {
        Type: "Map",
        ItemProcessor: {
          ProcessorConfig: { Mode: "INLINE" },
          StartAt: "One",
          States: {
            One: {
              ...task,
              Resource: "arn:aws:states:::lambda:invoke",
              Parameters: { FunctionName: lambda, "Payload.$": "$" },
            },
          },
        },
        End: true,
      },
    });
    assert.deepEqual(
      tasks.map(({ state, functionArn, wrapped }) => [state, functionArn, wrapped]),
      [
        ["Find", lambda, false],
        ["Left", lambda, false],
        ["One", lambda, true],
      ],
    );
  });

  test("has no ResultPath of $, which the engine would take for a field of this name", () => {
    const { definition } = prepare({
      Find: {
        ...task,
        ResultPath: "$",
        Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$", Next: "Find" }],
      },
    });
    assert.ok(!JSON.stringify(definition).includes("ResultPath"));
  });
});

describe("what is refused, by the name of its state", () => {
  const cases: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ["JSONata", { ...task, QueryLanguage: "JSONata" }, /Odd: "JSONata" is not emulated/],
    ["variables", { ...task, Assign: { x: 1 } }, /Odd: Assign: variables/],
    ["heartbeats", { ...task, HeartbeatSeconds: 5 }, /Odd: HeartbeatSeconds/],
    ["heartbeats by path", { ...task, HeartbeatSecondsPath: "$.x" }, /Odd: HeartbeatSecondsPath/],
    ["no time-out", { ...task, TimeoutSeconds: undefined }, /Odd: a Task without TimeoutSeconds/],
    ["task tokens", { ...task, Parameters: { "token.$": "$$.Task.Token" } }, /Odd: task tokens/],
    [
      "waiting for a token",
      { ...task, Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken" },
      /Odd: the resource/,
    ],
    [
      "other services",
      { ...task, Resource: "arn:aws:states:::sqs:sendMessage" },
      /Odd: the resource/,
    ],
    [
      "the state's own context",
      { ...task, Parameters: { "n.$": "$$.State.Name" } },
      /Odd: \$\$\.State/,
    ],
    [
      "merging",
      { Type: "Pass", Parameters: { "x.$": "States.JsonMerge($.a, $.b, false)" }, End: true },
      /Odd: States\.JsonMerge/,
    ],
    ["a text as parameters", { ...task, Parameters: "$" }, /Odd: Parameters is the text "\$"/],
    ["an unknown field", { ...task, Credentials: {} }, /Odd: Credentials: not emulated in a Task/],
    ["an unknown type", { Type: "Guess", End: true }, /Odd: Guess is no type/],
    [
      "a distributed map",
      {
        Type: "Map",
        ItemProcessor: {
          ProcessorConfig: { Mode: "DISTRIBUTED" },
          StartAt: "One",
          States: { One: task },
        },
        End: true,
      },
      /Odd: a Map in the mode "DISTRIBUTED"/,
    ],
    [
      "a tolerance",
      {
        Type: "Map",
        ToleratedFailureCount: 1,
        ItemProcessor: { StartAt: "One", States: { One: task } },
        End: true,
      },
      /Odd: ToleratedFailureCount/,
    ],
  ];
  for (const [name, state, message] of cases)
    test(name, () => assert.throws(() => prepare({ Odd: state }), message));

  test("JSONata for the whole machine", () => {
    assert.throws(() => prepare({ Find: task }, { QueryLanguage: "JSONata" }), /retire: "JSONata"/);
  });

  test("a name that two states have, however deep", () => {
    const nested = {
      Type: "Parallel",
      Branches: [{ StartAt: "Find", States: { Find: task } }],
      End: true,
    };
    assert.throws(() => prepare({ Find: task, Both: nested }), /Find: two states have this name/);
  });

  test("everything at once, so that one run tells all", () => {
    const refused = () =>
      prepare({ A: { ...task, TimeoutSeconds: undefined }, B: { ...task, Assign: {} } });
    assert.throws(refused, /state machine retire:\n  A: a Task without.*\n  B: Assign/);
  });
});
