import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { ClusterUnavailable, refusals, StillRemembered } from "../../lambdas/runtime/errors.ts";
import { retireTasks } from "../../stepfunctions/tasks.ts";
import { newDrover, newStack } from "../infra/apps.ts";
import { definitionOf, type State, type Retry } from "../infra/definition.ts";

/** A CommonJS module without types. */
const validate: (definition: unknown) => {
  readonly isValid: boolean;
  readonly errorsText: (separator: string) => string;
} = createRequire(import.meta.url)("asl-validator");

const stack = newStack();
newDrover(stack);
const definition = definitionOf(stack);
const states = Object.entries(definition.States);
const tasks = states.filter(([, { Type }]) => Type === "Task");

/** The task whose function a state calls, by the function's name in the template. */
const taskOf = ({ Resource = "" }: State) => {
  const found = Object.entries(retireTasks).find(([task]) =>
    Resource.toLowerCase().includes(
      `tasks${task.replace(/^.*\//, "").replaceAll("-", "")}function`,
    ),
  );
  assert.ok(found, Resource);
  return { name: found[0], traits: found[1] };
};

const nextOf = (state: State): string[] =>
  [
    state.Next,
    state.Default,
    ...(state.Choices ?? []).map(({ Next }) => Next),
    ...(state.Catch ?? []).map(({ Next }) => Next),
  ].filter((name) => name !== undefined);

describe("the definition of retire-node", () => {
  it("is one that Step Functions accepts", () => {
    const { isValid, errorsText } = validate(definition);
    assert.ok(isValid, errorsText("\n"));
  });

  it("ends by itself", () => {
    // A hook lives for two days; by hand there is no hook.
    assert.equal(definition.TimeoutSeconds, 4 * 24 * 3600);
  });

  it("shows a person what to enter", () => {
    assert.match(definition.Comment ?? "", /\{"instanceId": "i-[0-9a-f]+"\}/);
  });

  it("calls the function of every task", () => {
    const called = new Set(tasks.map(([, state]) => taskOf(state).name));
    assert.deepEqual(called, new Set(Object.keys(retireTasks)));
  });

  it("uses JSONPath and nothing that the embedded world does not run", () => {
    const text = JSON.stringify(definition);
    assert.ok([undefined, "JSONPath"].includes(definition.QueryLanguage));
    for (const word of ["Assign", "Arguments", "Output", "{%", "JsonMerge"]) {
      assert.ok(!text.includes(`"${word}"`) && !text.includes(`States.${word}`), word);
    }
    for (const word of ["HeartbeatSeconds", "waitForTaskToken", "$$.State", "$$.Task"]) {
      assert.ok(!text.includes(word), word);
    }
    const types = new Set(states.map(([, { Type }]) => Type));
    const known = ["Task", "Choice", "Wait", "Pass", "Succeed", "Fail", "Parallel", "Map"];
    assert.deepEqual(
      [...types].filter((type) => !known.includes(type)),
      [],
    );
  });

  it("has no state that cannot be reached, and none that does not lead to an end", () => {
    const reached = new Set([definition.StartAt]);
    for (const name of reached) {
      const state = definition.States[name];
      assert.ok(state, name);
      for (const next of nextOf(state)) reached.add(next);
    }
    assert.deepEqual(
      states.map(([name]) => name).filter((name) => !reached.has(name)),
      [],
    );
    const ending = new Set(
      states
        .filter(([, { Type, End }]) => Type === "Succeed" || Type === "Fail" || End === true)
        .map(([name]) => name),
    );
    for (let before = 0; before !== ending.size;) {
      before = ending.size;
      for (const [name, state] of states) {
        if (nextOf(state).some((next) => ending.has(next))) ending.add(name);
      }
    }
    assert.equal(ending.size, states.length);
  });

  it("decides every choice, whatever the value", () => {
    for (const [name, { Type, Default }] of states) {
      if (Type === "Choice") assert.ok(Default, name);
    }
  });
});

describe("each task of retire-node", () => {
  for (const [name, state] of tasks) {
    it(`"${name}" has a time-out beyond its function's own`, () => {
      assert.equal(state.TimeoutSeconds, taskOf(state).traits.timeoutSeconds + 30);
    });

    it(`"${name}" is tried again after anything that may pass`, () => {
      const [refused, ...others] = state.Retry ?? [];
      const all = others.at(-1);
      assert.deepEqual(refused?.ErrorEquals, [
        ...refusals,
        ClusterUnavailable.errorName,
        StillRemembered.errorName,
      ]);
      assert.equal(refused.MaxAttempts, 0);
      assert.deepEqual(all?.ErrorEquals, ["States.ALL"]);
      // Long enough that a deployment or a throttled service passes.
      assert.ok(all.MaxAttempts >= 8);
      assert.ok((all.MaxDelaySeconds ?? Number.POSITIVE_INFINITY) <= 120);
    });

    it(`"${name}" leads somewhere when it fails for good`, () => {
      const last = state.Catch?.at(-1);
      assert.deepEqual(last?.ErrorEquals, ["States.ALL"]);
      assert.equal(last.ResultPath, "$.error");
      // What was taken is given back, unless that is what failed.
      assert.equal(last.Next, name === "Recover" ? "Recovery failed" : "Recover");
    });

    it(`"${name}" says what it does`, () => {
      assert.match(state.Comment ?? "", /\.$/);
    });
  }
});

describe("the retries", () => {
  const waitsOf = (retry: Retry): number => {
    const { IntervalSeconds = 1, MaxAttempts, BackoffRate = 2, MaxDelaySeconds = 0 } = retry;
    let total = 0;
    for (let attempt = 0; attempt < MaxAttempts; attempt += 1) {
      total += Math.min(MaxDelaySeconds, IntervalSeconds * BackoffRate ** attempt);
    }
    return total;
  };
  const waits = (name: string): number => {
    const last = definition.States[name]?.Retry?.at(-1);
    return last ? waitsOf(last) : 0;
  };

  it("of a step that another way can mend last for minutes", () => {
    assert.equal(waits("Find node"), 242);
  });

  it("outlast Lambda's own faults for as long as the hook needs no heartbeat", () => {
    for (const name of ["Find node", "Cordon node", "Drain work", "Keep hook alive during drain"]) {
      const faults = definition.States[name]?.Retry?.find(({ ErrorEquals }) =>
        ErrorEquals.includes("Lambda.TooManyRequestsException"),
      );
      assert.ok(faults, name);
      assert.ok(faults.ErrorEquals.includes("Lambda.ResourceNotReadyException"), name);
      assert.equal(faults.JitterStrategy, undefined, "its sum has to be certain");
      const total = waitsOf(faults);
      assert.ok(total > 20 * 60 && total < 1728, `${name}: ${total} s`);
    }
  });

  it("of a step that decides the hook outlast an outage of an hour", () => {
    for (const name of ["Complete hook", "Recover", "Record retirement"]) {
      assert.ok(waits(name) > 3600, name);
    }
  });
});
