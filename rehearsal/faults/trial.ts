import { seededBy } from "../random.ts";
import type { Report } from "../report.ts";
import { rehearseScaleIn, type ScaleInOptions } from "../scenarios/scale-in.ts";
import { emulatedStage } from "../scenarios/stages.ts";
import type { World } from "../world.ts";
import { whole } from "./draw.ts";
import type { Schedule } from "./fault.ts";
import { drawSchedule } from "./schedule.ts";
import { shrinkSchedule } from "./shrink.ts";
import { tellTimeline } from "./timeline.ts";

/** One scale-in with faults: all that has to be known to have it again. */
export interface Trial {
  readonly seed: number;
  readonly schedule: Schedule;
}

export interface Broken {
  readonly invariant: string;
  readonly violation: string;
}

export interface TrialResult {
  readonly report: Report;
  readonly world: World;
  /** Milliseconds since the epoch when the scale-in began. */
  readonly beganAt: number;
  readonly broken: readonly Broken[];
}

/** Small, since most of what goes wrong shows in a small world, and a second is five of them. */
const sizesOf = (seed: number): Pick<ScaleInOptions, "nodes" | "terminate" | "jobs"> => {
  const random = seededBy(seed, "sizes");
  return { nodes: whole(random, 4, 6), terminate: 2, jobs: 6 };
};

export const drawTrial = (seed: number, faults: readonly string[]): Trial => ({
  seed,
  schedule: drawSchedule(seed, faults),
});

export const runTrial = async (
  { seed, schedule }: Trial,
  options: Partial<ScaleInOptions> = {},
): Promise<TrialResult> => {
  let ready: { world: World; beganAt: number } | undefined;
  const report = await rehearseScaleIn(emulatedStage, {
    ...sizesOf(seed),
    ...options,
    seed,
    schedule,
    onReady: (world) => {
      ready = { world, beganAt: world.clock.now() };
      options.onReady?.(world);
    },
  });
  if (ready === undefined) throw new Error("the rehearsal was over before it began");
  const broken = report.invariants.flatMap(({ name, violations }) =>
    violations.map((violation) => ({ invariant: name, violation })),
  );
  return { report, ...ready, broken };
};

/** A trial that broke something, as a person can look at it. */
export interface Finding {
  readonly seed: number;
  readonly broken: readonly Broken[];
  /** The shortest schedule that still breaks one of the same invariants. */
  readonly schedule: Schedule;
  /** What happened around the first violation under that schedule. */
  readonly timeline: readonly string[];
}

const instanceIn = (violation: string): string | undefined => /i-[0-9a-f]{17}/.exec(violation)?.[0];

/** Looks into a trial that broke something: what is the least that breaks it, and how. */
export const examine = async (
  trial: Trial,
  broken: readonly Broken[],
  options: Partial<ScaleInOptions> = {},
): Promise<Finding> => {
  const wanted = new Set(broken.map(({ invariant }) => invariant));
  const isSame = (found: readonly Broken[]) => found.some(({ invariant }) => wanted.has(invariant));
  const schedule = await shrinkSchedule(trial.schedule, async (candidate) =>
    isSame((await runTrial({ ...trial, schedule: candidate }, options)).broken),
  );
  const last = await runTrial({ ...trial, schedule }, options);
  const first = last.broken.find(({ violation }) => instanceIn(violation) !== undefined);
  const instanceId = first && instanceIn(first.violation);
  return {
    seed: trial.seed,
    broken: last.broken,
    schedule,
    timeline: instanceId
      ? tellTimeline(last.world, {
          since: last.beganAt,
          instanceId,
          strikes: last.report.faults ?? [],
        })
      : [],
  };
};

/** A finding for a person, on several lines. */
export const tellFinding = ({ seed, broken, schedule, timeline }: Finding): string =>
  [
    `seed ${seed} breaks:`,
    ...broken.map(({ invariant, violation }) => `  ${invariant}: ${violation}`),
    schedule.length > 0 ? `the shortest schedule that does so:` : `and does so without any fault.`,
    ...schedule.map((occurrence) => `  ${JSON.stringify(occurrence)}`),
    ...(timeline.length > 0 ? ["what happened:", ...timeline.map((line) => `  ${line}`)] : []),
    "",
  ].join("\n");
