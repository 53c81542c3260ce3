import type { Command } from "commander";
import type { CheckedSource } from "../../infra/bundle/check-source.ts";
import type { Manifest } from "../../lambdas/config/manifest.ts";
import type { Published } from "../../lambdas/config/publish-bundle.ts";
import { summarizeMove } from "../../lambdas/config/rules/summarize-move.ts";
import { exitCodes, type Output } from "../output.ts";
import type { Outside } from "../outside.ts";
import { openScratchFile } from "../scratch-file.ts";
import { addPlace, type BundleFlags, checkFolder, checkPool } from "./bundle-options.ts";
import { counted } from "./counted.ts";
import { renderMove } from "./render-move.ts";

interface PublishFlags extends BundleFlags {
  readonly promote?: true;
  readonly yes?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

const help = `
The folder has files/ (the tree as it will lie on the machines), bundle.yaml, and hooks/ if
there are any. Every fault of it is told at once, with file and line; nothing is published
then. What comes out has a digest that follows from the source alone.

What happens: the bundle is stored and signed, and becomes the candidate of the pool. Machines
take it that carry the tag drover:bundle=<its digest>; all others take the current bundle. It
waits until somebody promotes it (drover promote). With --promote it becomes the current
bundle at once: for a pool without machines. With --dry-run it is checked and built, no
account is needed, and nothing is written.

To run it again does no harm: what is stored already is checked and left.

Needed are ssm:GetParameter of /drover/<cluster>/bundles, s3:GetObject, s3:PutObject and
s3:ListBucket of the bucket, kms:Sign and kms:GetPublicKey: the policy of publishers has them.

With --json the faults of a source are the document: {"faults": [{"file", "line", "message"}]}.

Exit code: 0 published, or the source is right; 1 the source has faults, or another was first;
2 the arguments or the credentials are not as they have to be.

Examples:
  $ drover publish ./pool --pool workers --dry-run
  $ drover publish ./pool --pool workers
  $ drover publish ./pool --pool workers --promote --yes --json`;

const needed =
  "ssm:GetParameter, s3:GetObject, s3:PutObject, s3:ListBucket, kms:Sign and kms:GetPublicKey (the policy of publishers has them)";

interface Summary {
  readonly pool: string;
  readonly bundle: string;
  readonly bytes: number;
  readonly files: number;
  readonly binaries: number;
  readonly secrets: number;
}

const summarize = (
  { entries, plan }: CheckedSource,
  { pool, sha256, bytes }: Manifest,
): Summary => ({
  pool,
  bundle: sha256,
  bytes,
  files: entries.filter(({ kind }) => kind === "file").length,
  binaries: plan.binaries.length,
  secrets: plan.secrets.length,
});

const render = ({ pool, bundle, bytes, files, binaries, secrets }: Summary): string =>
  `The source is right.
  pool      ${pool}
  bundle    ${bundle}
  size      ${counted(bytes, "byte")} in ${counted(files, "file")}
  binaries  ${binaries}
  secrets   ${secrets}
`;

const store = async (
  checked: CheckedSource,
  flags: PublishFlags,
  outside: Outside,
): Promise<{ readonly manifest: Manifest; readonly published: Published }> => {
  const { withBundles } = await import("../bundle-connection.ts");
  const { packBundle } = await import("../../infra/bundle/pack-bundle.ts");
  const { publishBundle } = await import("../../lambdas/config/publish-bundle.ts");
  const { sourceRevision } = await import("../../infra/bundle/source-revision.ts");
  const scratch = openScratchFile();
  try {
    const built = await packBundle(checked, scratch);
    const revision = await sourceRevision(checked.source);
    const published = await withBundles(flags, outside, needed, async ({ desk, who }) =>
      publishBundle(desk, built, checked.plan.binaries, {
        pool: flags.pool,
        promote: flags.promote === true,
        mover: { who: await who(), now: outside.clock.now(), revision },
      }),
    );
    return { manifest: built.manifest, published };
  } finally {
    scratch.close();
  }
};

/** Whether a person who types it takes the way around the candidate back. */
const isTakenBack = async (flags: PublishFlags, outside: Outside): Promise<boolean> => {
  if (flags.promote !== true || flags.yes === true || flags.dryRun === true) return false;
  const answer = await outside.confirm?.(
    `Every machine of ${flags.pool} that starts from now on would take it, tried by none. Go on?`,
  );
  return answer === false;
};

/** Adds `drover publish`. */
export const addPublish = (
  program: Command,
  output: Output,
  outside: Outside,
  end: (code: number) => void,
): void => {
  const command = program
    .command("publish")
    .description("Check, build and publish the bundle of a pool.")
    .argument("<folder>", "with files/ and bundle.yaml")
    .requiredOption("--pool <name>", "the pool whose machines are to run it")
    .option("--promote", "make it the current bundle at once, not the candidate")
    .option("--yes", "do not ask back")
    .option("--dry-run", "check and build only, without an account");
  addPlace(command)
    .addHelpText("after", help)
    .action(async (folder: string, flags: PublishFlags) => {
      checkPool(flags.pool);
      checkFolder(folder);
      // Loaded when it is needed: parsers take a moment.
      const { checkSource } = await import("../../infra/bundle/check-source.ts");
      const { tellRefused } = await import("./refused-source.ts");
      const { buildBundle } = await import("../../infra/bundle/build-bundle.ts");
      try {
        const checked = await checkSource(folder, flags.pool);
        if (await isTakenBack(flags, outside)) {
          output.error("drover: nothing was published\n");
          return end(exitCodes.broken);
        }
        if (flags.dryRun) {
          const summary = summarize(checked, await buildBundle(checked));
          output.out(
            flags.json
              ? `${JSON.stringify(summary)}\n`
              : `${render(summary)}Nothing was published (--dry-run).\n`,
          );
        } else {
          const { manifest, published } = await store(checked, flags, outside);
          const summary = summarize(checked, manifest);
          output.out(
            flags.json
              ? `${JSON.stringify({ ...summary, stored: published.isNew, ...summarizeMove(published) })}\n`
              : `${render(summary)}${renderMove(flags.pool, published)}`,
          );
        }
        return end(exitCodes.fine);
      } catch (error) {
        return end(tellRefused(error, flags.json === true, output));
      }
    });
};
