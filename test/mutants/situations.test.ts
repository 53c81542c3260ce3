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
      assert.deepEqual(await rehearse(product, run), new Map());
    });
  }
});
