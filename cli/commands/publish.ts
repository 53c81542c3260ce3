import { lstatSync } from "node:fs";
import { type Command, Option } from "commander";
import type { Manifest } from "../../lambdas/config/manifest.ts";
import type { Plan } from "../../lambdas/config/plan.ts";
import { BadArguments, exitCodes, type Output } from "../output.ts";

interface PublishFlags {
  readonly pool: string;
  readonly dryRun: true;
  readonly json?: true;
}

const help = `
The folder has files/ (the tree as it will lie on the machines), bundle.yaml, and hooks/ if
there are any. Every fault of it is told at once, with file and line. No account is needed,
and nothing is written: the digest that comes out is that of the bundle, on any machine.

Exit code: 0 the source is right, 1 it has faults, 2 the arguments are not understood.

Examples:
  $ drover publish ./pool --pool workers --dry-run
  $ drover publish ./pool --pool workers --dry-run --json`;

const poolPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

const checkArguments = (folder: string, pool: string): void => {
  if (!poolPattern.test(pool))
    throw new BadArguments(
      `--pool ${pool}: it has to be at most 63 letters, digits, hyphens and underscores; for example --pool workers`,
    );
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new BadArguments(
      `${folder} is no folder: give the one in which bundle.yaml and files/ are`,
    );
};

interface Summary {
  readonly pool: string;
  readonly bundle: string;
  readonly bytes: number;
  readonly files: number;
  readonly binaries: number;
  readonly secrets: number;
}

const summarize = ({ pool, sha256, bytes }: Manifest, plan: Plan, files: number): Summary => ({
  pool,
  bundle: sha256,
  bytes,
  files,
  binaries: plan.binaries.length,
  secrets: plan.secrets.length,
});

const render = ({ pool, bundle, bytes, files, binaries, secrets }: Summary): string =>
  `The source is right.
  pool      ${pool}
  bundle    ${bundle}
  size      ${bytes} bytes in ${files} files
  binaries  ${binaries}
  secrets   ${secrets}
Nothing was published (--dry-run).
`;

/** Adds `drover publish`. */
export const addPublish = (program: Command, output: Output, end: (code: number) => void): void => {
  program
    .command("publish")
    .description("Check and build the bundle of a pool.")
    .argument("<folder>", "with files/ and bundle.yaml")
    .requiredOption("--pool <name>", "the pool whose machines are to run it")
    .addOption(
      new Option("--dry-run", "check and build only, without an account").makeOptionMandatory(),
    )
    .option("--json", "one JSON document on stdout, and nothing else")
    .addHelpText("after", help)
    .allowExcessArguments(false)
    .action(async (folder: string, flags: PublishFlags) => {
      checkArguments(folder, flags.pool);
      // Loaded when it is needed: parsers take a moment.
      const { checkSource, SourceRefused } = await import("../../infra/bundle/check-source.ts");
      const { buildBundle } = await import("../../infra/bundle/build-bundle.ts");
      try {
        const checked = await checkSource(folder, flags.pool);
        const manifest = await buildBundle(checked);
        const files = checked.entries.filter(({ kind }) => kind === "file").length;
        const summary = summarize(manifest, checked.plan, files);
        output.out(flags.json ? `${JSON.stringify(summary)}\n` : render(summary));
        end(exitCodes.fine);
      } catch (error) {
        if (!(error instanceof SourceRefused)) throw error;
        output.error(`drover: ${error.message}\n`);
        end(exitCodes.broken);
      }
    });
};
