import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { versionWith } from "./apply-mutant.ts";
import { mutants } from "./mutants.ts";
import { rehearse, type Run, runsOf } from "./rehearse-version.ts";
import { type SituationName, situations } from "./situations/situations.ts";

describe("Drover as it is", () => {
  const product = versionWith("none", []);
  const names = Object.keys(situations) as SituationName[];
  const all: Run[] = [
    ...names.flatMap((situation) =>
      [false, true].map((isFixed) => ({ situation, seed: 1, isFixed })),
    ),
    ...mutants.flatMap(runsOf),
  ];
  const runs = new Map(all.map((run) => [JSON.stringify(run), run]));
  for (const run of runs.values()) {
    const nomad = `a Nomad ${run.isFixed ? "with" : "without"} the fix`;
    test(`breaks nothing in ${nomad}, seed ${run.seed}, when ${run.situation}`, async () => {
      assert.deepEqual((await rehearse(product, run)).violations, new Map());
    });
  }

  test("tells of drains that had to begin without a slot, where that did harm", async () => {
    const situation = "two drains cannot wait for each other, since their hooks live no longer";
    const name = "no-job-starved-by-two-drains";
    const without = await rehearse(product, { situation, seed: 2, isFixed: false });
    assert.match(without.reported.get(name)?.[0] ?? "", /a hook lived no longer, so it had to$/);
    const fixed = await rehearse(product, { situation, seed: 2, isFixed: true });
    assert.equal(fixed.reported.get(name), undefined);
  });
});
