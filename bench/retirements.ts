import {
  type ScaleInOptions,
  rehearseScaleIn,
  type Stage,
} from "../rehearsal/scenarios/scale-in.ts";
import { fixedStage } from "../rehearsal/scenarios/stages.ts";
import type { Report } from "../rehearsal/report.ts";
import type { World } from "../rehearsal/world.ts";

const seed = 1;

/** A rehearsal, and the world in which it took place. */
export const rehearse = async (
  options: Omit<ScaleInOptions, "seed">,
  stage: Partial<Stage> = {},
): Promise<{ readonly report: Report; readonly world: World }> => {
  let seen: World | undefined;
  const report = await rehearseScaleIn(
    { ...fixedStage, ...stage },
    {
      ...options,
      seed,
      onReady: (world) => {
        seen = world;
        options.onReady?.(world);
      },
    },
  );
  if (seen === undefined) throw new Error("the rehearsal had no world");
  const broken = report.invariants.filter(({ held }) => !held).map(({ name }) => name);
  // What was measured of a world in which something went wrong would say nothing.
  if (broken.length > 0) throw new Error(`did not hold: ${broken.join(", ")}`);
  return { report, world: seen };
};
