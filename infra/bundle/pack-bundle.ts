import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { BuiltBundle } from "../../lambdas/config/store-bundle.ts";
import { buildBundle } from "./build-bundle.ts";
import type { CheckedSource } from "./check-source.ts";

/**
 * Writes the compressed tar of a source to a file. S3 has to be told size and digest
 * of an object beforehand, and no archive has to fit into memory: hence the file.
 *
 * @param file - is made, or replaced
 * @throws SourceRefused if a file of the source changed since it was checked
 */
export const packBundle = async (checked: CheckedSource, file: string): Promise<BuiltBundle> => {
  const gzip = createGzip();
  const hash = createHash("sha256");
  let bytes = 0;
  const counted = new Transform({
    transform(piece: Buffer, _, done) {
      hash.update(piece);
      bytes += piece.length;
      done(null, piece);
    },
  });
  const written = pipeline(gzip, counted, createWriteStream(file));
  // Whoever fails first, the other is told; only the first is thrown.
  const failed = written.then(() => new Promise<never>(() => undefined));
  const sink = (piece: Buffer): Promise<void> =>
    Promise.race([
      new Promise<void>((resolve, reject) => {
        // Called when the piece is compressed: its bytes may be overwritten then.
        gzip.write(piece, (error) => (error ? reject(error) : resolve()));
      }),
      failed,
    ]);
  try {
    const manifest = await buildBundle(checked, sink);
    gzip.end();
    await written;
    return { manifest, archive: { file, bytes, sha256: hash.digest("hex") } };
  } catch (error) {
    gzip.destroy();
    await written.catch(() => undefined);
    throw error;
  }
};
