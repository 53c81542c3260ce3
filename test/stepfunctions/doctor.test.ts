import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { refusals } from "../../lambdas/runtime/errors.ts";
import { doctorTasks } from "../../stepfunctions/tasks.ts";
import { newDrover, newStack } from "../infra/apps.ts";
import { definitionOf } from "../infra/definition.ts";

/** A CommonJS module without types. */
const validate: (definition: unknown) => {
  readonly isValid: boolean;
  readonly errorsText: (separator: string) => string;
} = createRequire(import.meta.url)("asl-validator");

const stack = newStack();
newDrover(stack);
const definition = definitionOf(stack, "doctor");
const order = ["Check groups", "Check Nomad", "Check Consul", "Report findings"] as const;
const tasks = order.map((name) => ({ name, state: definition.States[name] ?? assert.fail(name) }));

describe("the definition of doctor", () => {
  it("is one that Step Functions accepts, and says what to enter", () => {
    const { isValid, errorsText } = validate(definition);
    assert.ok(isValid, errorsText("\n"));
    assert.match(definition.Comment ?? "", /changes nothing.*with \{\}/s);
  });

  it("asks one after the other, in the same order whatever fails", () => {
    assert.equal(definition.StartAt, order[0]);
    for (const [index, { state }] of tasks.entries()) {
      const next = order[index + 1];
      assert.equal(state.Next, next ?? "Examined");
      const catches = (state.Catch ?? []).map(({ ErrorEquals, Next }) => [ErrorEquals, Next]);
      // What is not reported fails the execution, which has an alarm.
      assert.deepEqual(catches, next ? [[["States.ALL"], next]] : []);
    }
    assert.deepEqual(new Set(Object.keys(definition.States)), new Set([...order, "Examined"]));
  });

  it("puts an error where the answer would have been", () => {
    for (const { state } of tasks.slice(0, -1)) {
      assert.equal(state.Catch?.[0]?.ResultPath, state.ResultPath);
      assert.notEqual(state.ResultPath, "$");
    }
  });

  it("tries again what may pass while a person waits, and nothing else", () => {
    for (const { state } of tasks) {
      const [never, briefly] = state.Retry ?? [];
      assert.deepEqual(never?.ErrorEquals, [...refusals, "States.Timeout", "Sandbox.Timedout"]);
      assert.equal(never.MaxAttempts, 0);
      assert.deepEqual(briefly?.ErrorEquals, ["States.ALL"]);
      const { IntervalSeconds = 0, BackoffRate = 1, MaxAttempts } = briefly;
      const waits = Array.from(
        { length: MaxAttempts },
        (_, attempt) => IntervalSeconds * BackoffRate ** attempt,
      );
      assert.equal(
        waits.reduce((sum, one) => sum + one, 0),
        75,
      );
    }
  });

  it("gives each function its whole time, and ends before anybody asks why", () => {
    const longest = Object.values(doctorTasks).reduce((sum, one) => sum + one.timeoutSeconds, 0);
    for (const { state } of tasks) assert.ok((state.TimeoutSeconds ?? 0) > 30);
    assert.ok((definition.TimeoutSeconds ?? 0) > longest);
    assert.ok((definition.TimeoutSeconds ?? 0) <= 3600);
  });
});
