import { createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import type { CheckedSource } from "../../infra/bundle/check-source.ts";
import type { BundleDesk } from "../../lambdas/config/bundle-desk.ts";
import { FormatError, isSha256 } from "../../lambdas/config/lines.ts";
import { BadArguments, CannotFinish, exitCodes, type Output } from "../output.ts";
import type { Outside } from "../outside.ts";
import { withScratchFolder } from "../scratch-folder.ts";
import { addPlace, type BundleFlags, checkFolder, checkPool } from "./bundle-options.ts";
import type { Side } from "./render-diff.ts";

interface DiffFlags extends BundleFlags {
  readonly against?: string;
  readonly json?: true;
}

const help = `
What comes out: the paths that publishing the folder would add (+), remove (-) and change (~)
on machines, with the lines that differ. The file plan says what is done besides laying out
files: owners, binaries, secrets, services, hooks. Nothing is written.

It is compared with the current bundle; --against candidate, previous or a whole digest
compares with that one.

Needed are ssm:GetParameter, s3:GetObject, s3:ListBucket and kms:GetPublicKey: the policy of
viewers has them.

With --json the faults of a source are the document: {"faults": [{"file", "line", "message"}]}.

Exit code: 0 compared, the same or not; 1 the source has faults; 2 the arguments or the
credentials are not as they have to be.

Examples:
  $ drover diff ./pool --pool workers
  $ drover diff ./pool --pool workers --against candidate`;

const needed =
  "ssm:GetParameter, s3:GetObject, s3:ListBucket and kms:GetPublicKey (the policy of viewers has them)";

const names = ["current", "candidate", "previous"] as const;
type Name = (typeof names)[number];

const checkAgainst = (against: string): void => {
  if (!names.some((name) => name === against) && !isSha256(against))
    throw new BadArguments(
      `--against ${against}: it has to be current, candidate, previous, or the whole digest of a bundle`,
    );
};

/** The other side, from the bucket. */
const fetchSide = async (
  desk: BundleDesk,
  pool: string,
  against: string,
  file: string,
): Promise<Side & { readonly sha256: string | undefined }> => {
  const { checkStored } = await import("../../lambdas/config/check-stored.ts");
  const { readArchive } = await import("../../lambdas/config/read-archive.ts");
  const { readChannel } = await import("../../lambdas/config/read-channel.ts");
  const { indexTar } = await import("../../infra/bundle/index-tar.ts");
  const channel = isSha256(against) ? undefined : (await readChannel(desk, pool))?.channel;
  const sha256 = isSha256(against) ? against : channel?.[against as Name];
  if (sha256 === undefined) return { name: against, sha256, entries: new Map() };
  const manifest = await checkStored(desk, pool, sha256);
  await readArchive(desk, pool, manifest, createWriteStream(file));
  try {
    return { name: against, sha256, file, entries: await indexTar(file) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    // Whoever signed it has not made it with this program: a machine is not to meet it.
    throw new CannotFinish(
      `${sha256} (${against}) was signed, and is no bundle (${error.message}): see who published it, and roll back`,
    );
  }
};

/** The folder's side, as it would be published. */
const buildSide = async (
  checked: CheckedSource,
  file: string,
): Promise<Side & { readonly sha256: string }> => {
  const { buildBundle } = await import("../../infra/bundle/build-bundle.ts");
  const { indexTar } = await import("../../infra/bundle/index-tar.ts");
  const tar = await open(file, "w");
  try {
    const { sha256 } = await buildBundle(checked, (piece) => tar.writeFile(piece));
    return { name: "source", sha256, file, entries: await indexTar(file) };
  } finally {
    await tar.close();
  }
};

const compare = async (
  checked: CheckedSource,
  flags: DiffFlags,
  outside: Outside,
): Promise<string> => {
  const { withBundles } = await import("../bundle-connection.ts");
  const { compareTars } = await import("../../infra/bundle/rules/compare-tars.ts");
  const { renderDiff } = await import("./render-diff.ts");
  const { pool, against = "current" } = flags;
  return withScratchFolder(async (scratch) => {
    const before = await withBundles(flags, outside, needed, ({ desk }) =>
      fetchSide(desk, pool, against, join(scratch, "before.tar")),
    );
    const after = await buildSide(checked, join(scratch, "after.tar"));
    const same = before.sha256 === after.sha256;
    if (flags.json) {
      const difference = compareTars(before.entries, after.entries);
      return `${JSON.stringify({ pool, against, before: before.sha256 ?? null, bundle: after.sha256, same, ...difference })}\n`;
    }
    if (same) return `${pool}: the source is the ${against} bundle ${after.sha256}.\n`;
    const title = before.sha256
      ? `${pool}: from ${before.sha256} (${against}) to ${after.sha256} (source)`
      : `${pool}: there is no ${against} bundle; all of ${after.sha256} (source) is new`;
    return `${title}\n${await renderDiff(before, after)}`;
  });
};

/** Adds `drover diff`. */
export const addDiff = (
  program: Command,
  output: Output,
  outside: Outside,
  end: (code: number) => void,
): void => {
  const command = program
    .command("diff")
    .description("Show what publishing a folder would change.")
    .argument("<folder>", "with files/ and bundle.yaml")
    .requiredOption("--pool <name>", "the pool whose machines are to run it")
    .option("--against <bundle>", "current, candidate, previous, or a digest", "current");
  addPlace(command)
    .addHelpText("after", help)
    .action(async (folder: string, flags: DiffFlags) => {
      checkPool(flags.pool);
      checkFolder(folder);
      checkAgainst(flags.against ?? "current");
      const { checkSource } = await import("../../infra/bundle/check-source.ts");
      const { tellRefused } = await import("./refused-source.ts");
      try {
        output.out(await compare(await checkSource(folder, flags.pool), flags, outside));
        end(exitCodes.fine);
      } catch (error) {
        end(tellRefused(error, flags.json === true, output));
      }
    });
};
