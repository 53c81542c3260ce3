import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMatrix, type Reach } from "../../../rehearsal/coverage/matrix.ts";
import { observe } from "../../../rehearsal/coverage/observe.ts";
import { readStates, type StateTraits } from "../../../rehearsal/coverage/read-states.ts";
import { readStack, secretsOf } from "../../../rehearsal/world/stack.ts";
import { emulatedEndpoints, synthesizeWorld } from "../../../rehearsal/world/template.ts";

const states: readonly StateTraits[] = [
  { name: "Look", kind: "task", task: "retire/look" },
  { name: "Write down", kind: "task", task: "retire/write-down" },
  { name: "Wait", kind: "wait" },
];
const faults: Readonly<Record<string, Reach>> = {
  "Nomad is away": { of: "calls", to: ["nomad"] },
  "containers die": { of: "functions" },
  "executions are stopped": { of: "executions" },
  "events come twice": { of: "events" },
};

describe("the states of what is deployed", () => {
  test("are those in which time passes, each with its task", () => {
    const template = synthesizeWorld(emulatedEndpoints, {
      pool: "workers",
      size: 1,
      drainDeadlineSeconds: 600,
      slots: 1,
    });
    const refs = Object.fromEntries([...secretsOf(template).keys()].map((id) => [id, id]));
    const found = readStates(
      readStack(template, {
        region: "eu-west-1",
        account: "123456789012",
        stackName: "Drover",
        refs,
      }),
    );
    const names = found.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const [name, kind, task] of [
      ["Find node", "task", "retire/find-node"],
      ["Wait before looking again", "wait", undefined],
      ["Recover", "task", "retire/recover"],
    ] as const) {
      const state = found.find((each) => each.name === name);
      assert.deepEqual([state?.kind, state?.task], [kind, task], name);
    }
    for (const name of ["What became of the node?", "Retired", "Refused"])
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
      "executions are stopped: Write down",
      "executions are stopped: Wait",
    ]);
    matrix.strike("Nomad is away", "Look");
    matrix.strike("containers die", "Write down");
    assert.deepEqual(holes(), [
      "containers die: Look",
      "executions are stopped: Look",
      "executions are stopped: Write down",
      "executions are stopped: Wait",
    ]);
  });

  test("has cells for a service as soon as a state is seen to call it", () => {
    const matrix = createMatrix(states, faults);
    const isHole = () => matrix.holes().some(({ fault }) => fault === "Nomad is away");
    assert.equal(isHole(), false);
    matrix.call("Write down", "nomad");
    assert.equal(isHole(), true);
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
    assert.match(table, /^Look +1 +NEVER +NEVER +·$/m);
    assert.match(table, /^Wait +· +· +NEVER +·$/m);
  });

  test("knows no fault that was not declared", () => {
    assert.throws(() => createMatrix(states, faults).strike("rain", "Look"), /no fault is called/);
  });
});

describe("an observer", () => {
  const begin = () => {
    const matrix = createMatrix(states, faults);
    const observer = observe(matrix, faults);
    const enter = (state: string, executionArn = "one") =>
      observer.follow({ executionArn }, { type: "StateEntered", state });
    const leave = (state: string, executionArn = "one") =>
      observer.follow({ executionArn }, { type: "StateExited", state });
    return { matrix, observer, enter, leave, strikes: matrix.counts.strikes };
  };

  test("sees a fault that strikes at once in the states that executions are in", () => {
    const { observer, enter, leave, strikes } = begin();
    enter("Look");
    leave("Look");
    enter("Wait");
    enter("Write down", "two");
    observer.strike("executions are stopped");
    observer.strike("containers die", "two");
    assert.deepEqual(strikes, {
      "executions are stopped": { Wait: 1, "Write down": 1 },
      "containers die": { "Write down": 1 },
    });
  });

  test("sees one that lasts in every state that is entered meanwhile", () => {
    const { observer, enter, strikes } = begin();
    enter("Look");
    observer.begin("executions are stopped");
    enter("Wait");
    observer.end("executions are stopped");
    enter("Write down");
    assert.deepEqual(strikes, { "executions are stopped": { Look: 1, Wait: 1 } });
  });

  test("sees an outage in the states whose functions call meanwhile", () => {
    const { observer, enter, matrix, strikes } = begin();
    enter("Look");
    observer.begin("Nomad is away");
    assert.deepEqual(strikes, {});
    observer.call({ executionArn: "one" }, "dynamodb");
    observer.call({ executionArn: "somebody else's" }, "nomad");
    assert.deepEqual(strikes, {});
    observer.call({ executionArn: "one" }, "nomad");
    observer.end("Nomad is away");
    observer.call({ executionArn: "one" }, "nomad");
    assert.deepEqual(strikes, { "Nomad is away": { Look: 1 } });
    assert.deepEqual(matrix.counts.calls, { Look: ["dynamodb", "nomad"] });
  });

  test("counts nothing for an execution that has ended", () => {
    const { observer, enter, strikes } = begin();
    enter("Look");
    observer.follow({ executionArn: "one" }, { type: "ExecutionAborted" });
    observer.strike("executions are stopped");
    assert.deepEqual(strikes, {});
  });

  test("lets a fault last until the last of its spans is over", () => {
    const { observer, enter, strikes } = begin();
    observer.begin("executions are stopped");
    observer.begin("executions are stopped");
    observer.end("executions are stopped");
    enter("Look");
    assert.deepEqual(strikes, { "executions are stopped": { Look: 1 } });
  });
});
