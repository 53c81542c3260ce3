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
  readonly question?: (pool: string) => string;
  readonly help: string;
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
    question: (pool) =>
      `Every machine of ${pool} that starts from now on would take it, without a canary. Go on?`,
    help: `
What happens: machines that start from now on take the bundle. Those that run keep theirs,
unless they follow their channel. An upgrade does this by itself once its canary is well.

Examples:
  $ drover promote --pool workers
  $ drover promote --pool workers --to 3f6c… --yes`,
    move: ({ promoteStored }, desk, order, to) => promoteStored(desk, order, to),
  },
  {
    name: "rollback",
    description: "Make an earlier bundle of a pool its current one again.",
    to: "another bundle than the one before",
    question: (pool) =>
      `Every machine of ${pool} that starts from now on would take the earlier bundle. Go on?`,
    help: `
What happens: machines that start from now on take the earlier bundle, and there is no
candidate any more. Those that run keep theirs, unless they follow their channel: replace
them, or wait for the next upgrade. Nothing is uploaded: a pointer moves.

Examples:
  $ drover rollback --pool workers
  $ drover rollback --pool workers --to 3f6c…`,
    move: ({ rollBackChannel }, desk, order, to) => rollBackChannel(desk, order, to),
  },
  {
    name: "withdraw",
    description: "Take the candidate of a pool back.",
    help: `
What happens: the next upgrade finds no candidate. The current bundle stays.

Examples:
  $ drover withdraw --pool workers`,
    move: ({ withdrawCandidate }, desk, order) => withdrawCandidate(desk, order),
  },
];

const checkTo = (to: string | undefined): void => {
  if (to !== undefined && !isSha256(to))
    throw new BadArguments(
      `--to ${to}: it has to be the whole digest of a bundle, 64 hexadecimal digits: drover bundles shows them`,
    );
};

const addMove = (
  program: Command,
  { name, description, to, question, help, move }: MoveCommand,
  output: Output,
  outside: Outside,
  end: (code: number) => void,
): void => {
  const command = program
    .command(name)
    .description(description)
    .requiredOption("--pool <name>", "the pool of the bundle");
  if (to !== undefined) command.option("--to <sha256>", to);
  if (question) command.option("--yes", "do not ask back");
  addPlace(command)
    .addHelpText("after", help)
    .action(async (flags: MoveFlags) => {
      checkPool(flags.pool);
      checkTo(flags.to);
      const asked =
        question && flags.yes !== true && (await outside.confirm?.(question(flags.pool)));
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
