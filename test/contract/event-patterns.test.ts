import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as fc from "fast-check";

import type { EventPattern } from "../../rehearsal/emulators/event-bridge/patterns.ts";
import { compilePattern } from "../../rehearsal/emulators/event-bridge/patterns.ts";
import { askEventRuler } from "./event-ruler/oracle.ts";
import type { Question } from "./event-ruler/oracle.ts";

const leaf = fc.constantFrom<unknown>("a", "ab", "abc", "B", "", 5, 6, 0.5, true, false, null);
const names = fc.constantFrom("x", "y", "z");

/** Events of nested objects and arrays, over few names and values so that patterns often fit. */
const { event } = fc.letrec<{ value: unknown; event: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }),
    tie("event"),
  ),
  event: fc.dictionary(names, tie("value"), { maxKeys: 3 }),
}));

const list = <T>(of: fc.Arbitrary<T>) => fc.array(of, { minLength: 1, maxLength: 2 });

const element = fc.oneof(
  leaf,
  fc.record({ exists: fc.boolean() }),
  fc.record({ prefix: fc.constantFrom("a", "ab") }),
  fc.record({ suffix: fc.constantFrom("c", "b") }),
  fc.record({ "equals-ignore-case": fc.constantFrom("b", "AB") }),
  fc.record({
    "anything-but": fc.oneof(
      fc.constantFrom<unknown>("a", "b", 5),
      list(fc.constantFrom("a", "ab")),
      list(fc.constantFrom(5, 6)),
      fc.constantFrom({ prefix: "a" }, { suffix: "c" }),
    ),
  }),
  fc.record({
    numeric: fc.constantFrom<unknown[]>([">", 5], ["<=", 5], [">", 0, "<", 6], ["=", 0.5]),
  }),
);

const { pattern } = fc.letrec<{ pattern: unknown }>((tie) => ({
  pattern: fc.dictionary(names, fc.oneof({ depthSize: "small" }, list(element), tie("pattern")), {
    minKeys: 1,
    maxKeys: 2,
  }),
}));

const alternatives = fc
  .array(pattern, { minLength: 2, maxLength: 2 })
  .map((patterns) => ({ $or: patterns }));

const ours = (question: Question): string => {
  try {
    return compilePattern(question.pattern as EventPattern)(question.event) ? "yes" : "no";
  } catch {
    return "invalid";
  }
};

describe("event patterns", () => {
  it("match what AWS's event-ruler matches", () => {
    const questions = fc.sample(
      fc.record({
        pattern: fc.oneof(
          { weight: 6, arbitrary: pattern },
          { weight: 1, arbitrary: alternatives },
        ),
        event,
      }),
      { numRuns: 10_000, seed: 2 },
    );
    const answers = askEventRuler(questions);
    const differing = questions
      .map((question, index) => ({ question, ours: ours(question), theirs: answers[index] }))
      .filter(({ ours, theirs }) => ours !== theirs);
    assert.deepEqual(differing, []);
    assert.ok(answers.filter((answer) => answer === "yes").length > 300, "and it was no accident");
  });

  it("are refused where event-ruler refuses them", () => {
    const questions = [
      {},
      { detail: {} },
      { source: [] },
      { source: "aws.ec2" },
      { source: [{ prefix: 5 }] },
      { source: [{ unheardOf: "a" }] },
      { source: [{ numeric: [">", 1, "<"] }] },
      { source: [{ "anything-but": [] }] },
      { source: [{ "anything-but": ["a", 5] }] },
      { source: [{ prefix: "a", suffix: "b" }] },
      { $or: [{ source: ["a"] }] },
    ].map((refused) => ({ pattern: refused, event: { source: "aws.ec2" } }));
    assert.deepEqual(askEventRuler(questions), Array(questions.length).fill("invalid"));
    assert.deepEqual(questions.map(ours), Array(questions.length).fill("invalid"));
  });
});
