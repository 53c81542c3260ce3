import type * as ScaleIn from "../../rehearsal/scenarios/scale-in.ts";
import type * as Stages from "../../rehearsal/scenarios/stages.ts";
import type { Version } from "./apply-mutant.ts";
import type { Mutant } from "./mutants.ts";
import { type SituationName, situations } from "./situations/situations.ts";

export interface Run {
  readonly situation: SituationName;
  readonly seed: number;
  /** Whether its Nomad drains several nodes as it should (#26175). */
  readonly isFixed: boolean;
}

/** @returns the sentences of what fell, by the invariant */
export const rehearse = async (version: Version, { situation, seed, isFixed }: Run) => {
  const { rehearseScaleIn } = await version.load<typeof ScaleIn>("rehearsal/scenarios/scale-in.ts");
  const stages = await version.load<typeof Stages>("rehearsal/scenarios/stages.ts");
  const report = await rehearseScaleIn(isFixed ? stages.fixedStage : stages.emulatedStage, {
    ...situations[situation](),
    seed,
  });
  return new Map(
    report.invariants.filter(({ held }) => !held).map(({ name, violations }) => [name, violations]),
  );
};

/** In a Nomad without the fix, since more can go wrong there. */
export const runsOf = ({ situation, seeds = [1] }: Mutant): Run[] =>
  seeds.map((seed) => ({ situation, seed, isFixed: false }));
