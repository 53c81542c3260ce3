import type * as ScaleIn from "../../rehearsal/scenarios/scale-in.ts";
import { rehearseScaleIn } from "../../rehearsal/scenarios/scale-in.ts";
import type * as Stages from "../../rehearsal/scenarios/stages.ts";
import { emulatedStage, fixedStage } from "../../rehearsal/scenarios/stages.ts";
import type * as Handlers from "../../rehearsal/world/handlers.ts";
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

/**
 * What a version is rehearsed with. Where the functions alone differ, the world
 * around them and the template are those of all others: it saves half the time.
 */
const worldOf = async (version: Version) => {
  if (version.isOfFunctions) {
    const { findHandler } = await version.load<typeof Handlers>("rehearsal/world/handlers.ts");
    return {
      scaleIn: rehearseScaleIn,
      stages: { emulatedStage, fixedStage },
      handlers: findHandler,
    };
  }
  const own = await version.load<typeof ScaleIn>("rehearsal/scenarios/scale-in.ts");
  const stages = await version.load<typeof Stages>("rehearsal/scenarios/stages.ts");
  return { scaleIn: own.rehearseScaleIn, stages, handlers: undefined };
};

export const rehearse = async (
  version: Version,
  { situation, seed, isFixed }: Run,
): Promise<Said> => {
  const { scaleIn, stages, handlers } = await worldOf(version);
  const { invariants } = await scaleIn(isFixed ? stages.fixedStage : stages.emulatedStage, {
    ...situations[situation](),
    seed,
    ...(handlers && { handlers }),
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
