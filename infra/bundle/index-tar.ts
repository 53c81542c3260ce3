import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { FormatError } from "../../lambdas/config/lines.ts";
import { readTar } from "../../lambdas/config/tar-reader.ts";
import { nameOf, type TarEntry } from "../../lambdas/config/tar.ts";

/** An entry of a tar on disk. */
export interface IndexedEntry extends TarEntry {
  /** Of its content; empty for what has none. */
  readonly sha256: string;
  /** Where its content begins in the file. */
  readonly offset: number;
}

/**
 * Looks through the tar of a bundle.
 *
 * @returns the entries by their paths, a folder's with a slash at its end
 * @throws FormatError if it is none that a publisher writes
 */
export const indexTar = async (file: string): Promise<ReadonlyMap<string, IndexedEntry>> => {
  const entries = new Map<string, IndexedEntry>();
  let current:
    | { readonly entry: TarEntry; readonly offset: number; readonly hash: Hash }
    | undefined;
  const finish = (): void => {
    if (!current) return;
    const { entry, offset, hash } = current;
    const sha256 = entry.kind === "file" ? hash.digest("hex") : "";
    entries.set(nameOf(entry), { ...entry, sha256, offset });
  };
  const reader = readTar({
    entry(entry, offset) {
      finish();
      current = { entry, offset, hash: createHash("sha256") };
    },
    content: (piece) => void current?.hash.update(piece),
  });
  await pipeline(createReadStream(file), reader);
  finish();
  return entries;
};

/**
 * The content of a file in a tar on disk.
 *
 * @throws FormatError if the tar has become shorter than it was
 */
export const readContent = async (
  file: string,
  { offset, size = 0 }: IndexedEntry,
): Promise<Buffer> => {
  const tar = await open(file);
  try {
    const content = Buffer.alloc(size);
    for (let filled = 0; filled < size;) {
      const { bytesRead } = await tar.read(content, filled, size - filled, offset + filled);
      if (bytesRead === 0) throw new FormatError("the archive ends in the middle of a file");
      filled += bytesRead;
    }
    return content;
  } finally {
    await tar.close();
  }
};
