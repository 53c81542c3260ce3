import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { allFaults } from "../../../rehearsal/faults/catalogue.ts";
import { soak } from "../../../rehearsal/faults/soak.ts";
import { tellFinding } from "../../../rehearsal/faults/trial.ts";

/** What the functions call there too is authorised against their policies. */
const authority = join(import.meta.dirname, "..", "..", "iam", "appoint.ts");

/**
 * Rehearses seeds with whatever faults each of them draws. They are in several
 * files, which run beside each other, each with one process: in that of the test
 * itself every promise is watched, which takes half as long again.
 */
export const testSeeds = (firstSeed: number, seeds: number): void =>
  void test(`every invariant holds with the faults of the seeds ${firstSeed} to ${firstSeed + seeds - 1}`, async () => {
    let done = 0;
    const { findings, coverage } = await soak({
      firstSeed,
      seeds,
      faults: allFaults,
      workers: 1,
      preload: [authority],
      onProgress: (progress) => (done = progress.done),
    });
    const told = findings.map(tellFinding);
    assert.deepEqual(told, [], told.join("\n"));
    assert.equal(done, seeds);
    const struck = Object.keys(coverage.strikes);
    assert.ok(struck.length > allFaults.length / 2, `hardly a fault struck: ${struck.join(", ")}`);
  });
