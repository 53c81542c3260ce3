import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { isSignedBy } from "../clients/bundle-key.ts";
import { type BundleDesk, PublishingRefused } from "./bundle-desk.ts";
import { archiveKey, manifestKey, signatureKey } from "./keys.ts";
import { FormatError, textOf } from "./lines.ts";
import { type Manifest, parseManifest } from "./manifest.ts";

/**
 * Checks that a bundle is in the bucket, signed for this pool: what a channel may point to.
 *
 * @returns its manifest
 * @throws PublishingRefused that names what is missing or not right
 */
export const checkStored = async (
  desk: BundleDesk,
  pool: string,
  sha256: string,
): Promise<Manifest> => {
  const refuse = (what: string): never => {
    throw new PublishingRefused(
      `the bundle ${sha256} cannot be run by the pool ${pool}: ${what}; drover bundles --pool ${pool} shows those that can`,
    );
  };
  const [manifest, signature, archive] = await Promise.all([
    desk.objects.read(manifestKey(pool, sha256)),
    desk.objects.read(signatureKey(pool, sha256)),
    desk.objects.size(archiveKey(pool, sha256)),
  ]);
  if (!manifest || !signature || archive === undefined) {
    const missing = [
      archive === undefined && archiveKey(pool, sha256),
      !manifest && manifestKey(pool, sha256),
      !signature && signatureKey(pool, sha256),
    ].filter((each) => each !== false);
    return refuse(`there is no ${missing.join(", no ")}`);
  }
  try {
    const text = textOf(manifest.content);
    if (!isSignedBy(await desk.key.publicKey(), text, signature.content))
      return refuse("its manifest is not signed by the key of the bundles");
    const parsed = parseManifest(text);
    if (parsed.pool !== pool) return refuse(`it was made for the pool ${parsed.pool}`);
    if (parsed.sha256 !== sha256) return refuse(`its manifest is that of ${parsed.sha256}`);
    return parsed;
  } catch (error) {
    if (error instanceof FormatError) return refuse(`its manifest is none (${error.message})`);
    throw error;
  }
};

class Swollen extends Error {}

/**
 * Reads an archive to its end, and checks that the tar in it is what the manifest says.
 *
 * @throws PublishingRefused
 */
export const checkArchive = async (
  { objects }: BundleDesk,
  pool: string,
  { sha256, bytes }: Pick<Manifest, "sha256" | "bytes">,
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
  try {
    await pipeline(body, createGunzip(), async (pieces: AsyncIterable<Buffer>) => {
      for await (const piece of pieces) {
        hash.update(piece);
        read += piece.length;
        // What swells beyond its size is not read to its end.
        if (read > bytes) throw new Swollen();
      }
    });
  } catch (error) {
    if (error instanceof Swollen) return refuse(`has more than ${bytes} bytes`);
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))
      return refuse(`is no gzip (${error.message})`);
    throw error;
  }
  if (read !== bytes || hash.digest("hex") !== sha256)
    refuse("is not the archive that its name says");
};
