import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { constants, crc32, deflateRawSync } from "node:zlib";
import type { BuiltBundle } from "../../lambdas/config/store-bundle.ts";
import { buildBundle } from "./build-bundle.ts";
import type { CheckedSource } from "./check-source.ts";

/** Takes the archive: S3 has to be told size and digest beforehand, and memory may be too small. */
export interface ArchiveStore {
  /** Adds to it; the bytes are gone when it returns. */
  write(bytes: Uint8Array): void;
  /** All that was written, from its beginning. */
  open(): Readable;
}

/** Room for what cannot be compressed, of a piece as {@link buildBundle} gives it. */
const chunkSize = 260 * 1024;

// Source: RFC 1952. No name and no time; 255 is for an unknown operating system.
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);

const trailerOf = (checksum: number, bytes: number): Buffer => {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum, 0);
  trailer.writeUInt32LE(bytes % 2 ** 32, 4);
  return trailer;
};

/**
 * Writes the compressed tar of a source.
 *
 * Each piece of it is compressed by itself, and its memory is given back at once: what a stream of
 * `node:zlib` puts out is garbage piece by piece, and that of a large bundle comes to more than all
 * the rest.
 *
 * @throws SourceRefused if a file of the source changed since it was checked
 */
export const packBundle = async (
  checked: CheckedSource,
  store: ArchiveStore,
): Promise<BuiltBundle> => {
  const hash = createHash("sha256");
  let bytes = 0;
  let checksum = 0;
  const write = (part: Uint8Array): void => {
    hash.update(part);
    store.write(part);
    bytes += part.length;
  };
  const compress = (piece: Buffer, finishFlush: number): void => {
    const packed = deflateRawSync(piece, { finishFlush, chunkSize });
    write(packed);
    // What is smaller may lie among what belongs to others. Node.js 20, with which CDK apps may
    // still be synthesized, cannot give it back.
    if (packed.buffer.byteLength === chunkSize) packed.buffer.transfer?.(0);
  };
  write(header);
  const manifest = await buildBundle(checked, (piece) => {
    checksum = crc32(piece, checksum);
    compress(piece, constants.Z_SYNC_FLUSH);
  });
  compress(Buffer.alloc(0), constants.Z_FINISH);
  write(trailerOf(checksum, manifest.bytes));
  return {
    manifest,
    archive: { open: () => store.open(), bytes, sha256: hash.digest("hex") },
  };
};
