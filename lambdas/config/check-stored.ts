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
    if (!(await desk.isSigned(text, signature.content)))
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
