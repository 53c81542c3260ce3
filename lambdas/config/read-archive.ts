import { createHash } from "node:crypto";
import { Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { type BundleDesk, PublishingRefused } from "./bundle-desk.ts";
import { archiveKey } from "./keys.ts";
import type { Manifest } from "./manifest.ts";

class Swollen extends Error {}

const nowhere = (): Writable => new Writable({ write: (_piece, _encoding, done) => done() });

/**
 * Reads an archive to its end, and checks that the tar in it is what the manifest says.
 *
 * @param target - takes the tar; it is not to be trusted before the promise is fulfilled
 * @throws PublishingRefused
 */
export const readArchive = async (
  { objects }: BundleDesk,
  pool: string,
  { sha256, bytes }: Pick<Manifest, "sha256" | "bytes">,
  target: Writable = nowhere(),
): Promise<void> => {
  const name = archiveKey(pool, sha256);
  const refuse = (what: string): never => {
    throw new PublishingRefused(
      `${name} ${what}: machines refuse it; delete the object and publish its source again`,
    );
  };
  const body = await objects.open(name);
  if (body === undefined) return refuse("is missing");
  const hash = createHash("sha256");
  let read = 0;
  const counted = new Transform({
    transform(piece: Buffer, _encoding, done) {
      read += piece.length;
      // What swells beyond its size is not read to its end.
      if (read > bytes) return done(new Swollen());
      hash.update(piece);
      return done(null, piece);
    },
  });
  try {
    await pipeline(body, createGunzip(), counted, target);
  } catch (error) {
    if (error instanceof Swollen) return refuse(`has more than ${bytes} bytes`);
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))
      return refuse(`is no gzip (${error.message})`);
    throw error;
  }
  if (read !== bytes || hash.digest("hex") !== sha256)
    refuse("is not the archive that its name says");
};
