import type { Command } from "commander";
import { largestSeed, readFaultNames, wholeNumber } from "./rehearsal-arguments.ts";
import { exitCodes, type Output } from "../output.ts";
import type { SoakOptions, SoakProgress, SoakResult } from "../../rehearsal/faults/soak.ts";

interface SoakFlags {
  readonly seeds: string;
  readonly seed: string;
  readonly faults: string;
  readonly workers?: string;
  readonly json?: true;
}

const help = `
What happens: a small scale-in is rehearsed for one seed after the other, each with the
faults that the seed draws (see "drover rehearse scale-in --help" for what there is), in
as many processes as there are processors.

What comes out: how far it is, and for each seed that broke an invariant the shortest
schedule of faults that still breaks it, and what happened around that moment. One seed
again: drover rehearse soak --seeds 1 --seed 4711

Exit code: 0 all invariants held, 1 one did not, 2 the arguments are not understood.

Examples:
  $ drover rehearse soak --seeds 200
  $ drover rehearse soak --seeds 10000 --seed 5000 --faults power-cut,nomad-silent`;

/** Seconds between two lines that say how far it is. */
const pause = 10;

const span = (seconds: number): string =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;

/** How far it is, how fast, and when it will be over. */
export const tellProgress = ({ done, seeds, failures, seconds }: SoakProgress): string => {
  const pace = done / Math.max(seconds, 0.001);
  const rest = (seeds - done) / Math.max(pace, 0.001);
  return `${done} of ${seeds} seeds, ${pace.toFixed(1)} a second, ${failures} failed; ${
    done < seeds ? `over in ${span(rest)}` : `over after ${span(seconds)}`
  }\n`;
};

/** Adds `drover rehearse soak`. */
export const addSoak = (rehearse: Command, output: Output, end: (code: number) => void): void => {
  rehearse
    .command("soak")
    .description("Many seeds with faults, one after the other.")
    .option("--seeds <number>", "how many", "10000")
    .option("--seed <number>", "the first of them", "1")
    .option("--faults <names>", "what may go wrong: none, all, or names with commas", "all")
    .option("--workers <number>", "processes (as many as there are processors)")
    .option("--json", "one JSON document on stdout, and nothing else")
    .addHelpText("after", help)
    .allowExcessArguments(false)
    .action(async (flags: SoakFlags) => {
      const firstSeed = wholeNumber("seed", flags.seed, 0, largestSeed);
      const options = {
        firstSeed,
        seeds: wholeNumber("seeds", flags.seeds, 1, largestSeed - firstSeed + 1),
        faults: readFaultNames(flags.faults),
        ...(flags.workers !== undefined && {
          workers: wholeNumber("workers", flags.workers, 1, 256),
        }),
      };
      const result = await run(options, flags.json ? undefined : output);
      output.out(flags.json ? `${JSON.stringify(result, null, 2)}\n` : await tellCoverage(result));
      end(result.findings.length === 0 ? exitCodes.fine : exitCodes.broken);
    });
};

/** Which fault struck in which state, as a table; a hole in it is no failure, but nothing is known there. */
const tellCoverage = async ({ coverage }: SoakResult): Promise<string> => {
  const [{ createMatrix }, { rehearsedStates }, { faultNames, findFault }] = await Promise.all([
    import("../../rehearsal/coverage/matrix.ts"),
    import("../../rehearsal/coverage/rehearsed-states.ts"),
    import("../../rehearsal/faults/catalogue.ts"),
  ]);
  const struck = faultNames.filter((name) => coverage.strikes[name] !== undefined);
  if (struck.length === 0) return "";
  const reaches = Object.fromEntries(struck.map((name) => [name, findFault(name).reach]));
  const matrix = createMatrix(rehearsedStates(), reaches);
  matrix.add(coverage);
  return `\nhow often each fault struck in each state (!!: never, · it cannot):\n${matrix.render()}\n`;
};

const run = async (options: SoakOptions, output: Output | undefined): Promise<SoakResult> => {
  const [{ soak }, { tellFinding }] = await Promise.all([
    import("../../rehearsal/faults/soak.ts"),
    import("../../rehearsal/faults/trial.ts"),
  ]);
  let told = 0;
  return soak({
    ...options,
    ...(output && {
      onFinding: (finding) => output.out(`\n${tellFinding(finding)}\n`),
      onProgress: (progress) => {
        if (progress.done < progress.seeds && progress.seconds < told + pause) return;
        told = progress.seconds;
        output.out(tellProgress(progress));
      },
    }),
  });
};
