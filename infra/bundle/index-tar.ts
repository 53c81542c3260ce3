import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import {
  blockSize,
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

const digest = async (tar: FileHandle, offset: number, size: number): Promise<string> => {
  const hash = createHash("sha256");
  const piece = Buffer.allocUnsafe(Math.min(pieceSize, Math.max(1, size)));
  for (let done = 0; done < size;) {
    const { bytesRead } = await tar.read(
      piece,
      0,
      Math.min(piece.length, size - done),
      offset + done,
    );
    if (bytesRead === 0) throw new Error("the archive ends in the middle of a file");
    hash.update(piece.subarray(0, bytesRead));
    done += bytesRead;
  }
  return hash.digest("hex");
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
    for (let offset = 0; ;) {
      const { bytesRead } = await tar.read(header, 0, blockSize, offset);
      if (bytesRead < blockSize)
        throw new Error("the archive ends without its two blocks of zeros");
      if (header.every((byte) => byte === 0)) return entries;
      const entry = decodeHeader(header);
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

/** The content of a file in a tar on disk. */
export const readContent = async (
  file: string,
  { offset, size = 0 }: IndexedEntry,
): Promise<Buffer> => {
  const tar = await open(file);
  try {
    const content = Buffer.alloc(size);
    await tar.read(content, 0, size, offset);
    return content;
  } finally {
    await tar.close();
  }
};
