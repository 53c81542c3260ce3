import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { examine, runTrial, tellFinding } from "../../rehearsal/faults/trial.ts";
import { regressions } from "./regressions.ts";

describe("what broke once breaks no more", () => {
  for (const { name, showed, ...trial } of regressions)
    test(name, async (t) => {
      t.diagnostic(showed);
      const { broken, report } = await runTrial(trial);
      assert.ok((report.faults ?? []).length > 0, "no fault struck");
      if (broken.length > 0) assert.fail(tellFinding(await examine(trial, broken)));
    });

  test("each has a name of its own", () => {
    assert.equal(new Set(regressions.map(({ name }) => name)).size, regressions.length);
  });
});
