import type { Command } from "commander";
import {
  drawPublishSchedule,
  publishFaultNames,
  publishFaults,
} from "../../rehearsal/publishing/faults.ts";
import { exitCodes, type Output } from "../output.ts";
import {
  largestSeed,
  listFaults,
  progressTo,
  readFaultNames,
  wholeNumber,
} from "./rehearsal-arguments.ts";
import { renderPublishReport } from "./render-publish-report.ts";

interface PublishFlags {
  readonly seed: string;
  readonly faults: string;
  readonly json?: true;
}

const help = `
What happens: bundles of examples/pool are built, published to the pool "workers", promoted
and rolled back, each by somebody with no more than the policy for it; in between emulated
machines boot and fetch what their assignment says: three while there is a candidate, one
that is assigned to try it, three after it was promoted, three after it was rolled back.
The synthesized state machine and the functions of this very version run against emulated
services, in virtual time; one seed always gives the same run.

What comes out: a line for each thing that happens, a table of the machines (what each runs,
and whether that is outdated), and whether the invariants held, judged by what bucket, key,
Nomad and the machines' disks know. With --json: one JSON document, and nothing else.

What can go wrong, by --faults (of "all", the seed takes a few):
${listFaults(publishFaults)}

Exit code: 0 all invariants held, 1 one did not, 2 the arguments are not understood.

Examples:
  $ drover rehearse publish
  $ drover rehearse publish --faults all --seed 7
  $ drover rehearse publish --faults forged-channel,publisher-dies
  $ drover rehearse publish --json | jq '.machines[] | select(.isOutdated) | .instanceId'`;

/** Adds `drover rehearse publish`. */
export const addRehearsePublish = (
  rehearse: Command,
  output: Output,
  end: (code: number) => void,
): void => {
  rehearse
    .command("publish")
    .description("Bundles are published, promoted and rolled back, and machines boot.")
    .option("--seed <number>", "decides everything that is left to chance", "1")
    .option(
      "--faults <names>",
      "what goes wrong: none, all, or names with commas between; the seed says when",
      "none",
    )
    .option("--json", "one JSON document on stdout, and nothing else")
    .addHelpText("after", help)
    .allowExcessArguments(false)
    .action(async (flags: PublishFlags) => {
      const seed = wholeNumber("seed", flags.seed, 0, largestSeed);
      const faults = readFaultNames(flags.faults, publishFaultNames);
      const { rehearsePublish } = await import("../../rehearsal/scenarios/publish.ts");
      const report = await rehearsePublish({
        seed,
        ...(faults.length > 0 && { schedule: drawPublishSchedule(seed, faults) }),
        ...(flags.json !== true && { progress: progressTo(output) }),
      });
      output.out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : renderPublishReport(report));
      const isWell = report.invariants.every(({ held }) => held);
      end(isWell ? exitCodes.fine : exitCodes.broken);
    });
};
