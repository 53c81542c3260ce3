import { Command, CommanderError } from "commander";
import { addDoctor } from "./commands/doctor.ts";
import { addBundles } from "./commands/bundles.ts";
import { addDiff } from "./commands/diff.ts";
import { addMoves } from "./commands/moves.ts";
import { addPublish } from "./commands/publish.ts";
import { addRehearse } from "./commands/rehearse.ts";
import { addUserData } from "./commands/user-data.ts";
import { BadArguments, CannotFinish, exitCodes, type Output } from "./output.ts";
import { type Outside, realOutside } from "./outside.ts";
import { printable } from "./printable.ts";

const description = `Drover looks after the nodes of Nomad clusters on AWS.

This command rehearses it on your machine (no AWS account, no network),
checks a deployment, and publishes what machines are made of.`;

const examples = `
Examples:
  $ drover rehearse scale-in             twelve nodes, four of them leave
  $ drover rehearse scale-in --help      what can be varied, and what comes out
  $ drover rehearse publish              bundles are published, and machines boot on them
  $ drover doctor                        whether a deployment works, seen from its functions
  $ drover publish ./pool --pool workers stored, and the candidate until it is promoted
  $ drover bundles --pool workers        which bundles there are, and which machines run what

In a clone of the repository: npm run -s drover -- rehearse scale-in`;

/** Makes a command and all below it throw instead of ending the process. */
const takeOver = (command: Command, { out, error }: Output): void => {
  command
    .exitOverride()
    .showHelpAfterError("(add --help to see what there is)")
    .configureOutput({
      writeOut: out,
      writeErr: error,
      outputError: (text, write) => write(text.replace(/^error: /, "drover: ")),
    });
  for (const each of command.commands) takeOver(each, { out, error });
};

/**
 * Runs the command line.
 *
 * @param args - without the names of Node.js and of the script
 * @returns the exit code: 0 when all is well, 1 when something is not as it has to
 *   be, 2 when the arguments are not understood
 */
export const run = async (
  args: readonly string[],
  { out, error }: Output,
  outside: Outside = realOutside,
): Promise<number> => {
  const output: Output = {
    out: (text) => out(printable(text)),
    error: (text) => error(printable(text)),
  };
  let code: number = exitCodes.fine;
  const program = new Command("drover").description(description).addHelpText("after", examples);
  const end = (ended: number): void => {
    code = ended;
  };
  addRehearse(program, output, end);
  addDoctor(program, output, outside, end);
  addPublish(program, output, outside, end);
  addDiff(program, output, outside, end);
  addBundles(program, output, outside, end);
  addMoves(program, output, outside, end);
  addUserData(program, output, outside, end);
  takeOver(program, output);
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (thrown) {
    // Commander has written its own message already, and the help that was asked for.
    if (thrown instanceof CommanderError)
      return thrown.exitCode === 0 ? exitCodes.fine : exitCodes.badArguments;
    if (thrown instanceof BadArguments) {
      output.error(`drover: ${thrown.message}\n`);
      return exitCodes.badArguments;
    }
    if (thrown instanceof CannotFinish) {
      output.error(`drover: ${thrown.message}\n`);
      return exitCodes.broken;
    }
    output.error(
      `drover: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`,
    );
    return exitCodes.broken;
  }
};
