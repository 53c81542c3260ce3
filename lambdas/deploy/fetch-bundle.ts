import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { BundleObjects, StreamedContent } from "../clients/bundle-objects.ts";
import type { PinnedBinary } from "../config/plan.ts";
import { type ScannedTar, scanTar } from "../config/scan-tar.ts";
import type { BuiltBundle } from "../config/store-bundle.ts";

/** A bundle that lies on the disk of this function. */
export interface FetchedBundle {
  readonly built: BuiltBundle;
  readonly binaries: readonly PinnedBinary[];
}

const remedy = "remove it from the bucket of the assets, and deploy the app again";

const download = async (
  objects: BundleObjects,
  key: string,
  file: string,
): Promise<StreamedContent> => {
  const body = await objects.open(key);
  if (body === undefined)
    throw new Error(
      `there is no ${key} any more among the assets of the deployment: deploy the app again`,
    );
  const hash = createHash("sha256");
  let bytes = 0;
  const counted = new Transform({
    transform(piece: Buffer, _encoding, done) {
      hash.update(piece);
      bytes += piece.length;
      done(null, piece);
    },
  });
  await pipeline(body, counted, createWriteStream(file));
  return { open: () => createReadStream(file), bytes, sha256: hash.digest("hex") };
};

const scanArchive = async (file: string, key: string): Promise<ScannedTar> => {
  const scan = scanTar();
  try {
    await pipeline(createReadStream(file), createGunzip(), scan.target);
    return scan.result();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${key} is no bundle (${message}): ${remedy}`, { cause: error });
  }
};

/**
 * Fetches the archive of a bundle that was packed elsewhere, and looks at every byte of it: what is
 * signed afterwards is what was read here, not what somebody said of it.
 *
 * @param file - is made, or replaced
 * @throws Error if it is not this bundle of this pool
 */
export const fetchBundle = async (
  objects: BundleObjects,
  key: string,
  expected: { readonly pool: string; readonly sha256: string },
  file: string,
): Promise<FetchedBundle> => {
  const archive = await download(objects, key, file);
  const { manifest, plan } = await scanArchive(file, key);
  const { pool, sha256 } = expected;
  if (manifest.sha256 !== sha256 || manifest.pool !== pool)
    throw new Error(
      `${key} is the bundle ${manifest.sha256} of the pool ${manifest.pool}, and the template names ${sha256} of ${pool}: ${remedy}`,
    );
  return { built: { manifest, archive }, binaries: plan.binaries };
};
