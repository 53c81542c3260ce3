import type { Command } from "commander";
import { describeBundles } from "../../lambdas/config/rules/describe-bundles.ts";
import { exitCodes, type Output } from "../output.ts";
import type { Outside } from "../outside.ts";
import { addPlace, type BundleFlags } from "./bundle-options.ts";
import { renderBundles } from "./render-bundles.ts";

interface BundlesFlags extends BundleFlags {
  readonly json?: true;
}

const help = `
What comes out: the bundles that are stored, which of them is current, candidate and the one
before; who moved what, when, and from which commit (the last 50 moves); and what the machines
said of themselves when they last took one. Reading that takes one request for each machine.

Needed are ssm:GetParameter, s3:GetObject, s3:ListBucket and kms:GetPublicKey: the policy of
viewers has them.

Exit code: 0 shown; 1 the channel is not to be trusted, or AWS gave no answer; 2 the arguments or
the credentials are not as they have to be.

Examples:
  $ drover bundles --pool workers
  $ drover bundles --pool workers --json | jq -r '.machines[] | select(.state != "ready")'`;

const needed =
  "ssm:GetParameter, s3:GetObject, s3:ListBucket and kms:GetPublicKey (the policy of viewers has them)";

/** Adds `drover bundles`. */
export const addBundles = (
  program: Command,
  output: Output,
  outside: Outside,
  end: (code: number) => void,
): void => {
  const command = program
    .command("bundles")
    .description("Show the bundles of a pool, their history, and which machines run what.")
    .requiredOption("--pool <name>", "the pool");
  addPlace(command)
    .addHelpText("after", help)
    .action(async (flags: BundlesFlags) => {
      const { withBundles } = await import("../bundle-connection.ts");
      const { listBundles } = await import("../../lambdas/config/list-bundles.ts");
      const found = await withBundles(flags, outside, needed, ({ desk }) =>
        listBundles(desk, flags.pool),
      );
      const report = describeBundles(flags.pool, found);
      output.out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : renderBundles(report));
      end(exitCodes.fine);
    });
};
