import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { appointAuthority } from "../../rehearsal/world/authorisation.ts";
import { invariants } from "../../rehearsal/invariants/invariants.ts";
import { versionWith } from "./apply-mutant.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { rehearse, runsOf } from "./rehearse-version.ts";

/** Rehearses until the mutant is caught. */
const hunt = async (mutant: Mutant): Promise<string[]> => {
  const version = versionWith(mutant.name, mutant.patches);
  const fallen = new Set<string>();
  for (const run of runsOf(mutant)) {
    const { violations } = await rehearse(version, run);
    for (const name of violations.keys()) fallen.add(name);
    if (fallen.has(mutant.caughtBy)) break;
  }
  version.assertApplied();
  return [...fallen];
};

// The policies would stop some of the mutants: here the invariants have to catch them by themselves.
appointAuthority(undefined);

describe("a mutant is caught", () => {
  for (const mutant of mutants)
    test(`${mutant.name}: ${mutant.caughtBy}`, async () => {
      const fallen = await hunt(mutant);
      assert.ok(
        fallen.includes(mutant.caughtBy),
        `${mutant.caughtBy} held; fallen: ${fallen.join(", ") || "none"}`,
      );
    });
});

test("every invariant that a rehearsal judges by catches some mutant", () => {
  const catching = new Set(mutants.map(({ caughtBy }) => caughtBy));
  assert.deepEqual([...catching].toSorted(), invariants.map(({ name }) => name).toSorted());
});
