import type { Command } from "commander";
import type { DoctorReport } from "../../lambdas/watch/report-findings.ts";
import { BadArguments, exitCodes, type Output } from "../output.ts";
import type { Outside } from "../outside.ts";
import { renderFindings } from "./render-findings.ts";

interface DoctorFlags {
  readonly cluster: string;
  readonly region?: string;
  readonly json?: true;
}

const help = `
What happens: the state machine drover-<cluster>-doctor is started in your account. Its
functions look from where they run, which is where Drover's own run: tags, hooks and
settings of the groups, the way to Nomad and Consul, their tokens and versions, the time
that a query may wait, and some instances of each pool by their names. Nothing is changed.
It takes about a minute.

What comes out: every finding with what to do, the worst first. With --json: one JSON
document, and nothing else. Credentials and region are those of the AWS CLI (AWS_PROFILE,
AWS_REGION, ...); needed are states:ListStateMachines, states:StartExecution and
states:DescribeExecution.

Exit code: 0 no errors (there may be warnings), 1 errors were found or the doctor could
not finish, 2 the arguments, the credentials or the deployment are not as they have to be.

Examples:
  $ drover doctor
  $ drover doctor --cluster eu --region eu-central-1
  $ drover doctor --json | jq '.findings[] | select(.severity == "error")'`;

/** Seconds between two looks at the execution. */
const lookSeconds = 2;
/** Seconds after which a person is told that it goes on. */
const tellSeconds = 20;

const clusterPattern = /^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/;

/** Loaded when it is needed: the SDK takes a moment. */
const connect = async (outside: Outside, region: string | undefined) => {
  const { doctorExecutions } = await import("../doctor-executions.ts");
  return doctorExecutions(outside, region);
};

const examine = async (
  { cluster, region }: DoctorFlags,
  outside: Outside,
  say: (line: string) => void,
): Promise<DoctorReport> => {
  if (!clusterPattern.test(cluster)) {
    throw new BadArguments(
      `--cluster ${cluster}: it has to be at most 24 lower-case letters, digits and hyphens; for example --cluster default`,
    );
  }
  const executions = await connect(outside, region);
  const machine = await executions.find(cluster);
  const execution = await executions.start(machine);
  say(`started ${execution}\n`);
  const begin = outside.clock.now();
  for (let told = 0; ;) {
    const report = await executions.reportOf(execution);
    if (report) return report;
    const passed = Math.floor((outside.clock.now() - begin) / 1000);
    if (passed >= told + tellSeconds) {
      told = passed;
      say(`${passed} s: it still looks (for 50 s it waits for Nomad, to see whether it may)\n`);
    }
    await outside.clock.sleep(lookSeconds * 1000);
  }
};

/** Adds `drover doctor`. */
export const addDoctor = (
  program: Command,
  output: Output,
  outside: Outside,
  end: (code: number) => void,
): void => {
  program
    .command("doctor")
    .description("Check a deployment from where its functions run.")
    .option("--cluster <name>", "the cluster that Drover was deployed for", "default")
    .option("--region <region>", "of the deployment (that of the AWS CLI)")
    .option("--json", "one JSON document on stdout, and nothing else")
    .addHelpText("after", help)
    .allowExcessArguments(false)
    .action(async (flags: DoctorFlags) => {
      const isQuiet = flags.json === true;
      const report = await examine(flags, outside, isQuiet ? () => undefined : output.out);
      output.out(isQuiet ? `${JSON.stringify(report, null, 2)}\n` : `\n${renderFindings(report)}`);
      end(report.errors === 0 ? exitCodes.fine : exitCodes.broken);
    });
};
