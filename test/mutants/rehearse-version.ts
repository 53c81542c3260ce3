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

/** What the invariants said, by their names: only those that said something. */
export interface Said {
  readonly violations: ReadonlyMap<string, readonly string[]>;
  readonly reported: ReadonlyMap<string, readonly string[]>;
}

export const rehearse = async (
  version: Version,
  { situation, seed, isFixed }: Run,
): Promise<Said> => {
  const { rehearseScaleIn } = await version.load<typeof ScaleIn>("rehearsal/scenarios/scale-in.ts");
  const stages = await version.load<typeof Stages>("rehearsal/scenarios/stages.ts");
  const { invariants } = await rehearseScaleIn(isFixed ? stages.fixedStage : stages.emulatedStage, {
    ...situations[situation](),
    seed,
  });
  return {
    violations: new Map(
      invariants.filter(({ held }) => !held).map(({ name, violations }) => [name, violations]),
    ),
    reported: new Map(
      invariants.flatMap(({ name, reported }) => (reported ? [[name, reported] as const] : [])),
    ),
  };
};

/** In a Nomad without the fix, since more can go wrong there. */
export const runsOf = ({ situation, seeds = [1] }: Mutant): Run[] =>
  seeds.map((seed) => ({ situation, seed, isFixed: false }));
