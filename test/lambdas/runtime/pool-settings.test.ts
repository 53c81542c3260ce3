import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as v from "valibot";
import { poolSettings } from "../../../lambdas/runtime/pool-settings.ts";
import { describeIssues } from "../../../lambdas/runtime/settings.ts";

const faultsOf = (input: unknown): string => {
  const parsed = v.safeParse(poolSettings, input);
  return parsed.success ? "" : describeIssues(parsed.issues);
};

describe("the settings of a pool", () => {
  test("have defaults for all that is left out", () => {
    assert.deepEqual(v.parse(poolSettings, {}), {
      drainDeadlineSeconds: 1800,
      systemDrainDeadlineSeconds: 60,
      onDrainFailure: "continue",
      slots: 1,
      joinGraceSeconds: 600,
      observeOnly: false,
    });
  });

  test("are taken as they are", () => {
    const settings = {
      drainDeadlineSeconds: 3600,
      batchDrainDeadlineSeconds: 36_000,
      systemDrainDeadlineSeconds: 120,
      onDrainFailure: "retain",
      slots: 3,
      joinGraceSeconds: 0,
      observeOnly: true,
    };
    assert.deepEqual(v.parse(poolSettings, settings), settings);
  });

  for (const [title, input, fault] of [
    ["a misspelt name", { drainDeadline: 3600 }, /drainDeadline: there is no such field/],
    ["a deadline of zero", { drainDeadlineSeconds: 0 }, /drainDeadlineSeconds: .*>=1/],
    ["a deadline beyond any hook", { drainDeadlineSeconds: 48 * 3600 }, /drainDeadlineSeconds/],
    ["a part of a second", { drainDeadlineSeconds: 1.5 }, /drainDeadlineSeconds/],
    ["a number as text", { drainDeadlineSeconds: "1800" }, /drainDeadlineSeconds/],
    ["no slot at all", { slots: 0 }, /slots/],
    ["an unknown result", { onDrainFailure: "abandon" }, /onDrainFailure/],
    ["a switch as text", { observeOnly: "yes" }, /observeOnly/],
    ["nothing", null, /an object/],
    ["a list", [], /an object/],
  ] as const) {
    test(`refuse ${title}, by the name of the field`, () => assert.match(faultsOf(input), fault));
  }

  test("tell all that is wrong at once", () => {
    const faults = faultsOf({ slots: 0, observeOnly: 1, one: 1, two: 2 });
    for (const field of ["slots", "observeOnly", "one", "two"])
      assert.match(faults, new RegExp(`(^|; )${field}: `));
  });
});
