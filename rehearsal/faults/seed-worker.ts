import { addCounts, type MatrixCounts, noCounts } from "../coverage/matrix.ts";
import { drawTrial, examine, type Finding, runTrial } from "./trial.ts";

/** What a worker is asked: to rehearse some seeds, one after the other. */
export interface SeedOrder {
  readonly seeds: readonly number[];
  readonly faults: readonly string[];
  /** How many of those that break something it may look into, which takes a hundred runs each. */
  readonly mayExamine: number;
}

/** What it answers for each seed. */
export interface SeedAnswer {
  readonly seed: number;
  /** Absent when all invariants held. */
  readonly finding?: Finding;
  /** Which faults struck in which states. */
  readonly coverage: MatrixCounts;
}

const rehearse = async (
  seed: number,
  { faults }: SeedOrder,
  mayExamine: boolean,
  onCoverage: (counts: MatrixCounts) => void,
): Promise<Finding | undefined> => {
  const trial = drawTrial(seed, faults);
  try {
    const { broken } = await runTrial(trial, { onCoverage });
    if (broken.length === 0) return undefined;
    return mayExamine
      ? await examine(trial, broken)
      : { seed, broken, schedule: trial.schedule, timeline: [] };
  } catch (error) {
    const violation = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return {
      seed,
      broken: [{ invariant: "the rehearsal itself", violation }],
      schedule: trial.schedule,
      timeline: [],
    };
  }
};

/** Rehearses what it is told, when this module is a process of its own. */
const serve = (): void => {
  process.on("message", (order: SeedOrder) => {
    const work = async () => {
      let left = order.mayExamine;
      for (const seed of order.seeds) {
        const coverage = noCounts();
        const finding = await rehearse(seed, order, left > 0, (counts) =>
          addCounts(coverage, counts),
        );
        if (finding) left -= 1;
        process.send?.({ seed, coverage, ...(finding && { finding }) } satisfies SeedAnswer);
      }
    };
    void work();
  });
};

if (process.send !== undefined && process.env["DROVER_SEED_WORKER"] === "yes") serve();
