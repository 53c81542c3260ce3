import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Manifest } from "../../lambdas/config/manifest.ts";
import { formatPlan } from "../../lambdas/config/plan.ts";
import { blockSize, compareEntries, encodeHeader, paddingOf } from "../../lambdas/config/tar.ts";
import { type CheckedSource, SourceRefused } from "./check-source.ts";

/** Takes a piece of the tar; when its promise is fulfilled, the bytes may be overwritten. */
export type Sink = (piece: Buffer) => Promise<void> | void;

const pieceSize = 256 * 1024;

// What was a file when it was checked may be a link by now, which would publish what is elsewhere.
const asFile = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens what has to be a file of that size still. */
const openFile = (file: string, size: number): number | undefined => {
  let descriptor: number;
  try {
    descriptor = openSync(file, asFile);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (/^(ENOENT|ENOTDIR|ELOOP|ENXIO)$/.test(code)) return undefined;
    throw error;
  }
  const facts = fstatSync(descriptor);
  if (facts.isFile() && facts.size === size) return descriptor;
  closeSync(descriptor);
  return undefined;
};

/**
 * Writes the tar of a source, piece by piece in one buffer, so that the memory
 * does not grow with the bundle.
 *
 * @param sink - by default nothing is kept: the digest is all
 * @throws SourceRefused if a file changed since it was checked
 */
export const buildBundle = async (
  { source, entries, plan }: CheckedSource,
  sink: Sink = () => undefined,
): Promise<Manifest> => {
  const text = Buffer.from(formatPlan(plan));
  const hash = createHash("sha256");
  const piece = Buffer.allocUnsafe(pieceSize);
  let filled = 0;
  let bytes = 0;
  const flush = async (): Promise<void> => {
    const full = piece.subarray(0, filled);
    hash.update(full);
    await sink(full);
    bytes += filled;
    filled = 0;
  };
  const add = async (data: Buffer): Promise<void> => {
    for (let from = 0; from < data.length;) {
      if (filled === pieceSize) await flush();
      const taken = data.copy(piece, filled, from);
      from += taken;
      filled += taken;
    }
  };
  const addFile = async (path: string, size: number): Promise<void> => {
    const changed = () =>
      new SourceRefused(source, [
        { file: path, message: "it changed while it was read: publish again" },
      ]);
    const descriptor = openFile(join(source, path), size);
    if (descriptor === undefined) throw changed();
    try {
      for (let left = size; left > 0;) {
        if (filled === pieceSize) await flush();
        const got = readSync(descriptor, piece, filled, Math.min(left, pieceSize - filled), null);
        if (got === 0) throw changed();
        filled += got;
        left -= got;
      }
      if (fstatSync(descriptor).size !== size) throw changed();
    } finally {
      closeSync(descriptor);
    }
  };
  const all = [...entries, { path: "plan", kind: "file" as const, size: text.length }].sort(
    compareEntries,
  );
  for (const entry of all) {
    await add(encodeHeader(entry));
    if (entry.kind !== "file") continue;
    const { size = 0 } = entry;
    if (entry.path === "plan") await add(text);
    else await addFile(entry.path, size);
    await add(Buffer.alloc(paddingOf(size)));
  }
  await add(Buffer.alloc(2 * blockSize));
  await flush();
  return { pool: plan.pool, sha256: hash.digest("hex"), bytes, entries: all.length };
};
