import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type * as ScaleIn from "../../rehearsal/scenarios/scale-in.ts";
import type * as Stages from "../../rehearsal/scenarios/stages.ts";
import { type Version, versionWith } from "./apply-mutant.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { type SituationName, situations } from "./situations/situations.ts";
import type { Situation } from "./situations/staging.ts";

interface Run {
  readonly situation: SituationName;
  readonly seed: number;
}

/** @returns the sentences of what fell, by the invariant */
const rehearse = async (version: Version, { situation, seed }: Run) => {
  const { rehearseScaleIn } = await version.load<typeof ScaleIn>("rehearsal/scenarios/scale-in.ts");
  const stages = await version.load<typeof Stages>("rehearsal/scenarios/stages.ts");
  const { nomad, ...options }: Situation = situations[situation]();
  const stage = nomad === "with the fix" ? stages.fixedStage : stages.emulatedStage;
  const { invariants } = await rehearseScaleIn(stage, { ...options, seed });
  return new Map(
    invariants.filter(({ held }) => !held).map(({ name, violations }) => [name, violations]),
  );
};

const runsOf = ({ situation, seeds = [1] }: Mutant): Run[] =>
  seeds.map((seed) => ({ situation, seed }));

/** Rehearses until the mutant is caught. */
const hunt = async (mutant: Mutant): Promise<string[]> => {
  const version = versionWith(mutant.name, mutant.patches);
  const fallen = new Set<string>();
  for (const run of runsOf(mutant)) {
    const broken = await rehearse(version, run);
    for (const name of broken.keys()) fallen.add(name);
    if (fallen.has(mutant.caughtBy)) break;
  }
  version.assertApplied();
  return [...fallen];
};

describe("Drover as it is", () => {
  const product = versionWith("none", []);
  const runs = new Map(
    mutants.flatMap(runsOf).map((run) => [`${run.situation}, seed ${run.seed}`, run]),
  );
  for (const [name, run] of runs)
    test(`breaks nothing in ${name}`, async () => {
      assert.deepEqual(await rehearse(product, run), new Map());
    });
});

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
