import type { Command } from "commander";
import { catalogue } from "../../rehearsal/faults/catalogue.ts";
import type { Report } from "../../rehearsal/report.ts";
import { BadArguments, exitCodes, type Output } from "../output.ts";
import {
  largestSeed,
  listFaults,
  progressTo,
  readFaultNames,
  wholeNumber,
} from "./rehearsal-arguments.ts";
import { addRehearsePublish } from "./rehearse-publish.ts";
import { renderReport } from "./render-report.ts";
import { addSoak } from "./soak.ts";

interface ScaleInFlags {
  readonly nodes?: string;
  readonly terminate?: string;
  readonly jobs?: string;
  readonly seed: string;
  readonly faults?: string;
  readonly live?: true;
  readonly json?: true;
}

export interface ScaleInArguments {
  readonly nodes: number;
  readonly terminate: number;
  readonly jobs: number;
  readonly seed: number;
  /** Names of the faults that may strike. */
  readonly faults: readonly string[];
  readonly live: boolean;
}

const help = `
What happens: a pool "workers" of --nodes instances runs --jobs jobs of all types
(service, batch, system, sysbatch; the seed decides the mix). Its Auto Scaling group
scales in, so that --terminate instances leave. The synthesized state machines and the
functions of this very version run against emulated services, in virtual time: minutes
pass in a second, and one seed always gives the same run.

What comes out: a line for each thing that happens, a table of the instances that left
(how the drain went, who decided the hook, the seconds of each phase, calls made, state
transitions as AWS bills them), and whether the invariants held, judged by what the
services themselves know. With --json: one JSON document, and nothing else.

What can go wrong, by --faults (of "all", the seed takes a few):
${listFaults(catalogue)}

Exit code: 0 all invariants held, 1 one did not, 2 the arguments are not understood.

Examples:
  $ drover rehearse scale-in
  $ drover rehearse scale-in --nodes 100 --terminate 30 --jobs 200
  $ drover rehearse scale-in --faults all --seed 7
  $ drover rehearse scale-in --faults nomad-silent,power-cut
  $ drover rehearse scale-in --seed 7 --json | jq '.invariants[] | select(.held | not)'
  $ drover rehearse scale-in --live      with real Nomad and Consul agents (Linux),
                                         built at the first time: some minutes`;

/** The sizes that are used when none is given: real agents take real seconds. */
const defaults = {
  emulated: { nodes: 12, terminate: 4, jobs: 20 },
  live: { nodes: 4, terminate: 2, jobs: 6 },
} as const;

const largest = { nodes: 5000, jobs: 10_000 } as const;

/** @throws BadArguments that names the option, its value and what would do */
export const readScaleIn = (flags: ScaleInFlags): ScaleInArguments => {
  const live = flags.live === true;
  const usual = defaults[live ? "live" : "emulated"];
  const mostNodes = live ? 12 : largest.nodes;
  const nodes =
    flags.nodes === undefined ? usual.nodes : wholeNumber("nodes", flags.nodes, 2, mostNodes);
  const terminate =
    flags.terminate === undefined
      ? Math.min(usual.terminate, nodes - 1)
      : wholeNumber("terminate", flags.terminate, 1, largest.nodes);
  if (terminate >= nodes)
    throw new BadArguments(
      `--terminate ${terminate}: of ${nodes} nodes at most ${nodes - 1} can leave, since work needs a place to go; give a smaller number, or a larger --nodes`,
    );
  const jobs =
    flags.jobs === undefined ? usual.jobs : wholeNumber("jobs", flags.jobs, 1, largest.jobs);
  const faults = readFaultNames(flags.faults ?? "none");
  if (live && faults.length > 0)
    throw new BadArguments(
      `--faults ${flags.faults}: faults strike the emulated world alone; leave --live or --faults out`,
    );
  const seed = wholeNumber("seed", flags.seed, 0, largestSeed);
  return { nodes, terminate, jobs, seed, faults, live };
};

/** Loaded when it is needed: synthesizing loads the CDK, which takes a second. */
const rehearse = async (given: ScaleInArguments, output: Output | undefined): Promise<Report> => {
  const [{ rehearseScaleIn }, { stageFor }, { drawSchedule }] = await Promise.all([
    import("../../rehearsal/scenarios/scale-in.ts"),
    import("../../rehearsal/scenarios/stages.ts"),
    import("../../rehearsal/faults/schedule.ts"),
  ]);
  const { live, faults, ...options } = given;
  const progress = output && progressTo(output);
  const report = output && ((line: string) => progressTo(output)(0, line));
  return rehearseScaleIn(await stageFor({ live }, report), {
    ...options,
    ...(faults.length > 0 && { schedule: drawSchedule(given.seed, faults) }),
    ...(progress && { progress }),
  });
};

/** Adds `drover rehearse` with all that can be rehearsed. */
export const addRehearse = (
  program: Command,
  output: Output,
  end: (code: number) => void,
): void => {
  const command = program
    .command("rehearse")
    .description("Run Drover against an embedded AWS account and Nomad cluster.");
  command
    .command("scale-in")
    .description("Instances of a pool leave by a scale-in and are retired.")
    .option("--nodes <number>", "instances of the pool (12; with --live 4)")
    .option("--terminate <number>", "how many of them leave (4; with --live 2)")
    .option("--jobs <number>", "jobs that run on them (20; with --live 6)")
    .option("--seed <number>", "decides everything that is left to chance", "1")
    .option(
      "--faults <names>",
      "what goes wrong: none, all, or names with commas between; the seed says when",
      "none",
    )
    .option("--live", "real Nomad and Consul agents, in real time")
    .option("--json", "one JSON document on stdout, and nothing else")
    .addHelpText("after", help)
    .allowExcessArguments(false)
    .action(async (flags: ScaleInFlags) => {
      const isQuiet = flags.json === true;
      const report = await rehearse(readScaleIn(flags), isQuiet ? undefined : output);
      output.out(isQuiet ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report));
      const isWell = report.invariants.every(({ held }) => held);
      end(isWell ? exitCodes.fine : exitCodes.broken);
    });
  addRehearsePublish(command, output, end);
  addSoak(command, output, end);
};
