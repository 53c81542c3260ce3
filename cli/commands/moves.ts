import type { Command } from "commander";
import type { BundleDesk } from "../../lambdas/config/bundle-desk.ts";
import { isSha256 } from "../../lambdas/config/lines.ts";
import type { MoveResult } from "../../lambdas/config/swap-channel.ts";
import type * as operationsModule from "../../lambdas/config/publish-bundle.ts";
import { summarizeMove } from "../../lambdas/config/rules/summarize-move.ts";
import { BadArguments, exitCodes, type Output } from "../output.ts";
import type { Outside } from "../outside.ts";
import { addPlace, type BundleFlags, checkPool } from "./bundle-options.ts";
import { renderMove } from "./render-move.ts";

interface MoveFlags extends BundleFlags {
  readonly to?: string;
  readonly yes?: true;
  readonly json?: true;
}

/** A command that moves a channel to something that is stored already. */
interface MoveCommand {
  readonly name: string;
  readonly description: string;
  /** What `--to` does; absent where nothing is to be named. */
  readonly to?: string;
  /** What a person is asked who types it; absent where nothing is at stake. */
  readonly question?: (pool: string, to: string | undefined) => string;
  /** What happens. */
  readonly help: string;
  /** What follows the name of the command. */
  readonly examples: readonly string[];
  readonly move: (
    operations: typeof operationsModule,
    desk: BundleDesk,
    order: operationsModule.Order,
    to: string | undefined,
  ) => Promise<MoveResult>;
}

const needed =
  "ssm:GetParameter, s3:GetObject, s3:PutObject, s3:ListBucket, kms:Sign and kms:GetPublicKey (the policy of publishers has them; operators start the state machine publish-bundle instead)";

const commands: readonly MoveCommand[] = [
  {
    name: "promote",
    description: "Make the candidate of a pool its current bundle.",
    to: "another bundle than the candidate",
    question: (pool, to = "the candidate") =>
      `Every machine of ${pool} that starts from now on would take ${to}. Go on?`,
    help: `What happens: machines that start from now on take the bundle. Those that run keep theirs,
unless they follow their channel. Nothing does this by itself.`,
    examples: ["--pool workers", "--pool workers --to 3f6c… --yes"],
    move: ({ promoteStored }, desk, order, to) => promoteStored(desk, order, to),
  },
  {
    name: "rollback",
    description: "Make an earlier bundle of a pool its current one again.",
    to: "another bundle than the one before",
    question: (pool, to = "the bundle before the current one") =>
      `Every machine of ${pool} that starts from now on would take ${to}. Go on?`,
    help: `What happens: machines that start from now on take the earlier bundle, and there is no
candidate any more. Those that run keep theirs, unless they follow their channel: replace
them, or run drover-pull follow on them. Nothing is uploaded: a pointer moves.`,
    examples: ["--pool workers", "--pool workers --to 3f6c…"],
    move: ({ rollBackChannel }, desk, order, to) => rollBackChannel(desk, order, to),
  },
  {
    name: "withdraw",
    description: "Take the candidate of a pool back.",
    help: `What happens: there is no candidate any more, and the current bundle stays. A machine that runs
it keeps it until it boots or follows its channel, and takes the current one then. The first
boot of one that is launched with a tag that names it fails.`,
    examples: ["--pool workers"],
    move: ({ withdrawCandidate }, desk, order) => withdrawCandidate(desk, order),
  },
];

const helpOf = ({ name, help, examples }: MoveCommand): string => `
${help}

Needed are ssm:GetParameter, s3:GetObject, s3:PutObject, s3:ListBucket, kms:Sign and
kms:GetPublicKey: the policy of publishers has them. Operators, who have not, start the state
machine publish-bundle instead.

Exit code: 0 moved, or it was so already; 1 refused, or another was first; 2 the arguments or the
credentials are not as they have to be.

Examples:
${examples.map((each) => `  $ drover ${name} ${each}`).join("\n")}`;

const checkTo = (to: string | undefined): void => {
  if (to !== undefined && !isSha256(to))
    throw new BadArguments(
      `--to ${to}: it has to be the whole digest of a bundle, 64 hexadecimal digits: drover bundles shows them`,
    );
};

const addMove = (
  program: Command,
  moveCommand: MoveCommand,
  output: Output,
  outside: Outside,
  end: (code: number) => void,
): void => {
  const { name, description, to, question, move } = moveCommand;
  const command = program
    .command(name)
    .description(description)
    .requiredOption("--pool <name>", "the pool of the bundle");
  if (to !== undefined) command.option("--to <sha256>", to);
  if (question) command.option("--yes", "do not ask back");
  addPlace(command)
    .addHelpText("after", helpOf(moveCommand))
    .action(async (flags: MoveFlags) => {
      checkPool(flags.pool);
      checkTo(flags.to);
      const asked =
        question && flags.yes !== true && (await outside.confirm?.(question(flags.pool, flags.to)));
      if (asked === false) {
        output.error("drover: nothing was moved\n");
        return end(exitCodes.broken);
      }
      const { withBundles } = await import("../bundle-connection.ts");
      const operations = await import("../../lambdas/config/publish-bundle.ts");
      const result = await withBundles(flags, outside, needed, async ({ desk, who }) =>
        move(
          operations,
          desk,
          { pool: flags.pool, mover: { who: await who(), now: outside.clock.now() } },
          flags.to,
        ),
      );
      output.out(
        flags.json
          ? `${JSON.stringify({ pool: flags.pool, ...summarizeMove(result) })}\n`
          : renderMove(flags.pool, result),
      );
      return end(exitCodes.fine);
    });
};

/** Adds the commands that move a channel. */
export const addMoves = (
  program: Command,
  output: Output,
  outside: Outside,
  end: (code: number) => void,
): void => {
  for (const command of commands) addMove(program, command, output, outside, end);
};
