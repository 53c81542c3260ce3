import type { StreamedContent } from "../clients/bundle-objects.ts";
import { type BundleDesk, PublishingRefused } from "./bundle-desk.ts";
import { archiveKey, manifestKey, signatureKey } from "./keys.ts";
import { formatManifest, type Manifest } from "./manifest.ts";
import { readArchive } from "./read-archive.ts";

/** A bundle that was built, and is to be stored. */
export interface BuiltBundle {
  readonly manifest: Manifest;
  /** The compressed tar. */
  readonly archive: StreamedContent;
}

const storeSignature = async (desk: BundleDesk, { pool, sha256 }: Manifest, text: string) => {
  const name = signatureKey(pool, sha256);
  const read = async () => {
    const found = await desk.objects.read(name);
    // Two signatures of one text differ: any of the key that signs now will do.
    return found && { ...found, isGood: await desk.isSignedNow(text, found.content) };
  };
  const stored = await read();
  if (stored?.isGood) return;
  const signature = await desk.sign(text);
  // What is there and not good is of a key before this one, or damaged.
  const isOurs = stored
    ? await desk.objects.replace(name, signature, stored.etag)
    : await desk.objects.create(name, signature);
  if (isOurs || (await read())?.isGood) return;
  throw new PublishingRefused(
    `${name} was changed while it was written, and is not signed by the key of the bundles: see who else writes to the bucket, and publish again`,
  );
};

/**
 * Stores a bundle under its digest: the archive, its manifest, the signature of that. What is
 * there already is checked and left: to run it again after it died anywhere is to finish it.
 *
 * @returns whether anything had to be written
 * @throws PublishingRefused if something else is stored under the name of the bundle
 */
export const storeBundle = async (
  desk: BundleDesk,
  { manifest, archive }: BuiltBundle,
): Promise<{ readonly isNew: boolean }> => {
  const { pool, sha256 } = manifest;
  const { objects } = desk;
  const isNew = await objects.create(archiveKey(pool, sha256), archive);
  if (!isNew) await readArchive(desk, pool, manifest);
  const text = formatManifest(manifest);
  const name = manifestKey(pool, sha256);
  const isSame = async () => {
    const stored = await objects.read(name);
    return stored && Buffer.from(text).equals(stored.content);
  };
  if (!(await objects.create(name, text)) && !(await isSame()))
    throw new PublishingRefused(
      `${name} is not what the archive says: machines refuse it; delete the object and publish again`,
    );
  await storeSignature(desk, manifest, text);
  return { isNew };
};
