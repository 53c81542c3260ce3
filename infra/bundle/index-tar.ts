import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { FormatError } from "../../lambdas/config/lines.ts";
import {
  blockSize,
  compareEntries,
  decodeHeader,
  nameOf,
  paddingOf,
  type TarEntry,
} from "../../lambdas/config/tar.ts";

/** An entry of a tar on disk. */
export interface IndexedEntry extends TarEntry {
  /** Of its content; empty for what has none. */
  readonly sha256: string;
  /** Where its content begins in the file. */
  readonly offset: number;
}

const pieceSize = 256 * 1024;

/** Reads some bytes, or fewer at the end of the file. */
const readAt = async (tar: FileHandle, into: Buffer, offset: number): Promise<number> => {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await tar.read(into, filled, into.length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
};

const readFully = async (tar: FileHandle, into: Buffer, offset: number): Promise<void> => {
  if ((await readAt(tar, into, offset)) < into.length)
    throw new FormatError("the archive ends in the middle of a file");
};

const digest = async (tar: FileHandle, offset: number, size: number): Promise<string> => {
  const hash = createHash("sha256");
  const piece = Buffer.allocUnsafe(Math.min(pieceSize, size));
  for (let done = 0; done < size; done += piece.length) {
    const part = piece.subarray(0, size - done);
    await readFully(tar, part, offset + done);
    hash.update(part);
  }
  return hash.digest("hex");
};

/** @throws FormatError unless the tar has two blocks of zeros there, and no more */
const checkEnd = async (tar: FileHandle, offset: number): Promise<void> => {
  const end = Buffer.alloc(2 * blockSize + 1);
  const found = await readAt(tar, end, offset);
  if (found < 2 * blockSize)
    throw new FormatError("the archive ends without its two blocks of zeros");
  if (found > 2 * blockSize || end.some((byte) => byte !== 0))
    throw new FormatError("the archive goes on after its two blocks of zeros");
};

/**
 * Looks through the tar of a bundle.
 *
 * @returns the entries by their paths, a folder's with a slash at its end
 * @throws FormatError if it is none that a publisher writes
 */
export const indexTar = async (file: string): Promise<ReadonlyMap<string, IndexedEntry>> => {
  const entries = new Map<string, IndexedEntry>();
  const tar = await open(file);
  try {
    const header = Buffer.alloc(blockSize);
    let last: TarEntry | undefined;
    for (let offset = 0; ;) {
      if ((await readAt(tar, header, offset)) < blockSize || header.every((byte) => byte === 0)) {
        await checkEnd(tar, offset);
        return entries;
      }
      const entry = decodeHeader(header);
      // One path twice would be one thing here, and another on a machine.
      if (last && compareEntries(last, entry) >= 0)
        throw new FormatError(`the archive has no order: ${nameOf(entry)} is not in its place`);
      last = entry;
      const size = entry.size ?? 0;
      offset += blockSize;
      const sha256 = entry.kind === "file" ? await digest(tar, offset, size) : "";
      entries.set(nameOf(entry), { ...entry, sha256, offset });
      offset += size + paddingOf(size);
    }
  } finally {
    await tar.close();
  }
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
    await readFully(tar, content, offset);
    return content;
  } finally {
    await tar.close();
  }
};
