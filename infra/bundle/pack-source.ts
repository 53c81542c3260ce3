import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { checkSource, SourceRefused } from "./check-source.ts";
import { packBundle } from "./pack-bundle.ts";
import { sourceRevision } from "./source-revision.ts";

/** What became of a source. */
export type PackedSource =
  | { readonly sha256: string; readonly revision?: string | undefined }
  /** All its faults. */
  | { readonly refused: string };

/** `node pack-source.js <source> <pool> <archive>` writes the archive, and prints a {@link PackedSource}. */
const [source = "", pool = "", file = ""] = process.argv.slice(2);

const pack = async (): Promise<PackedSource> => {
  const checked = await checkSource(source, pool);
  const descriptor = openSync(file, "w");
  try {
    const { manifest } = await packBundle(checked, {
      write: (bytes) => {
        for (let written = 0; written < bytes.length;)
          written += writeSync(descriptor, bytes, written);
      },
      open: () => createReadStream(file),
    });
    return { sha256: manifest.sha256, revision: await sourceRevision(source) };
  } finally {
    closeSync(descriptor);
  }
};

const refuse = (error: unknown): PackedSource => {
  if (error instanceof SourceRefused) return { refused: error.message };
  throw error;
};

process.stdout.write(JSON.stringify(await pack().catch(refuse)));
