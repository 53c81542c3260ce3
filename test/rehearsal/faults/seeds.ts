import assert from "node:assert/strict";
import { test } from "node:test";
import { allFaults } from "../../../rehearsal/faults/catalogue.ts";
import { drawTrial, examine, runTrial, tellFinding } from "../../../rehearsal/faults/trial.ts";

/** More of them say nothing new, and looking into one takes a hundred runs. */
const mostExamined = 3;

/**
 * Rehearses seeds with whatever faults each of them draws. They are in several
 * files, since a file is a process and uses one processor.
 */
export const testSeeds = (first: number, count: number): void =>
  void test(`every invariant holds with the faults of the seeds ${first} to ${first + count - 1}`, async (t) => {
    const findings: string[] = [];
    let struck = 0;
    for (let seed = first; seed < first + count && findings.length < mostExamined; seed += 1) {
      const trial = drawTrial(seed, allFaults);
      const { broken, report } = await runTrial(trial);
      struck += report.faults?.length ?? 0;
      for (const { name, reported = [] } of report.invariants)
        for (const each of reported) t.diagnostic(`seed ${seed}: ${name}: ${each}`);
      if (broken.length > 0) findings.push(tellFinding(await examine(trial, broken)));
    }
    assert.deepEqual(findings, [], findings.join("\n"));
    assert.ok(struck > count, "hardly a fault struck");
  });
