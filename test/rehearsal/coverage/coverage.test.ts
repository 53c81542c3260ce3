import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMatrix, type Reach } from "../../../rehearsal/coverage/matrix.ts";
import { callsByState, stateOf } from "../../../rehearsal/coverage/collect.ts";
import { rehearsedStates } from "../../../rehearsal/coverage/rehearsed-states.ts";
import type { StateTraits } from "../../../rehearsal/coverage/read-states.ts";
import type { World } from "../../../rehearsal/world.ts";
import type { LedgerEntry } from "../../../rehearsal/world/ledger.ts";

const states: readonly StateTraits[] = [
  {
    name: "Look",
    machine: "retire",
    kind: "task",
    task: "retire/look",
    after: ["Wait", "Write down", "End"],
  },
  { name: "Wait", machine: "retire", kind: "wait", after: ["Write down", "End"] },
  {
    name: "Write down",
    machine: "retire",
    kind: "task",
    task: "retire/write-down",
    after: ["End"],
  },
];
const faults: Readonly<Record<string, Reach>> = {
  "Nomad is away": { of: "calls", to: ["nomad"] },
  "containers die": { of: "functions" },
  "executions are stopped": { of: "executions" },
  "events come twice": { of: "events" },
};

describe("the states of what is deployed", () => {
  test("are those in which time passes, each with its task", () => {
    const found = rehearsedStates();
    const names = found.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const [name, kind, task] of [
      ["Find node", "task", "retire/find-node"],
      ["Wait before looking again", "wait", undefined],
      ["Recover", "task", "retire/recover"],
    ] as const) {
      const state = found.find((each) => each.name === name);
      assert.deepEqual([state?.kind, state?.task], [kind, task], name);
      assert.match(state?.machine ?? "", /retire-node$/);
    }
    const forget = found.find(({ name }) => name === "Forget node");
    assert.ok(forget?.after.includes("Look again") && !forget.after.includes("Recover"));
    for (const name of ["What became of the node?", "Is the instance gone?", "Refused"])
      assert.ok(!names.includes(name), name);
  });
});

describe("the matrix", () => {
  test("has a hole wherever a fault can strike and has not", () => {
    const matrix = createMatrix(states, faults);
    matrix.call("Look", "nomad");
    matrix.call("Write down", "dynamodb");
    const holes = () => matrix.holes().map(({ fault, state }) => `${fault}: ${state}`);
    assert.deepEqual(holes(), [
      "Nomad is away: Look",
      "containers die: Look",
      "containers die: Write down",
      "executions are stopped: Look",
      "executions are stopped: Wait",
      "executions are stopped: Write down",
    ]);
    matrix.strike("Nomad is away", "Look");
    matrix.strike("containers die", "Write down");
    assert.deepEqual(holes(), [
      "containers die: Look",
      "executions are stopped: Look",
      "executions are stopped: Wait",
      "executions are stopped: Write down",
    ]);
  });

  test("has cells for a service as soon as a state is seen to call it", () => {
    const matrix = createMatrix(states, faults);
    const isHole = () => matrix.holes().some(({ fault }) => fault === "Nomad is away");
    assert.equal(isHole(), false);
    matrix.call("Write down", "nomad");
    assert.equal(isHole(), true);
  });

  test("has no cells past the state that ends what a fault could strike", () => {
    const until = (state: string) =>
      createMatrix(states, { "power is cut": { of: "executions", until: state } })
        .holes()
        .map((hole) => hole.state);
    assert.deepEqual(until("Write down"), ["Look", "Wait"]);
    assert.deepEqual(until("Wait"), ["Look"]);
    assert.throws(() => until("Sleep"), /no state is called Sleep/);
  });

  test("adds up what several processes have counted, as plain data", () => {
    const one = createMatrix(states, faults);
    const other = createMatrix(states, faults);
    one.strike("containers die", "Look");
    other.strike("containers die", "Look");
    other.call("Look", "nomad");
    one.add(JSON.parse(JSON.stringify(other.counts)) as typeof other.counts);
    assert.equal(one.counts.strikes["containers die"]?.["Look"], 2);
    assert.deepEqual(one.counts.calls, { Look: ["nomad"] });
  });

  test("is a table for a person, in which holes stand out", () => {
    const matrix = createMatrix(states, faults);
    matrix.call("Look", "nomad");
    matrix.strike("Nomad is away", "Look");
    const table = matrix.render();
    assert.match(table, /1 Nomad is away/);
    assert.match(table, /^Look +1 +!! +!! +·$/m);
    assert.match(table, /^Wait +· +· +!! +·$/m);
  });

  test("knows no fault that was not declared", () => {
    assert.throws(() => createMatrix(states, faults).strike("rain", "Look"), /no fault is called/);
  });
});

describe("the state that somebody is in", () => {
  const engineWith = (...events: readonly (readonly [type: string, state?: string])[]) => ({
    engine: {
      runs: new Map([
        [
          "one",
          {
            executionArn: "one",
            input: '{"instanceId":"i-1"}',
            events: events.map(([type, state]) => ({ at: 0, type, ...(state && { state }) })),
            transitions: 0,
            historyEvents: 0,
          },
        ],
      ]),
    } as Pick<World["engine"], "runs"> as World["engine"],
  });
  const entered = ["StateEntered", "Look"] as const;

  test("is that of the call, or of the execution, or of an instance's execution", () => {
    const world = engineWith(["ExecutionStarted"], entered);
    assert.equal(stateOf(world, { state: "Wait", executionArn: "one" }), "Wait");
    assert.equal(stateOf(world, { executionArn: "one" }), "Look");
    assert.equal(stateOf(world, { instanceId: "i-1" }), "Look");
  });

  test("stays while a call is tried again", () => {
    const world = engineWith(entered, ["StateFailed", "Look"], ["StateRetried", "Look"]);
    assert.equal(stateOf(world, { executionArn: "one" }), "Look");
  });

  test("is none between states, after the end, and for those who have no execution", () => {
    const between = engineWith(entered, ["StateExited", "Look"]);
    assert.equal(stateOf(between, { executionArn: "one" }), undefined);
    const ended = engineWith(entered, ["ExecutionAborted"]);
    assert.equal(stateOf(ended, { instanceId: "i-1" }), undefined);
    assert.equal(stateOf(ended, { instanceId: "i-2" }), undefined);
    assert.equal(stateOf(ended, {}), undefined);
  });
});

describe("what states call", () => {
  test("is known by service and by operation", () => {
    const entry = { at: 0, task: "retire/look", subject: { state: "Look" } };
    const entries: LedgerEntry[] = [
      { ...entry, destination: "nomad", service: "nomad.internal:4646", operation: "GET /v1" },
      { ...entry, destination: "aws", service: "dynamodb", operation: "GetItem" },
      { ...entry, destination: "aws", service: "dynamodb", operation: "GetItem" },
      { ...entry, destination: "aws", service: "ssm", operation: "GetParameters", subject: {} },
    ];
    assert.deepEqual(callsByState({ ledger: { entries } as unknown as World["ledger"] }), {
      Look: ["any", "nomad", "dynamodb", "dynamodb:GetItem"],
    });
  });
});
