import type { AwsClientOptions } from "../clients/aws.ts";
import { bundleKeyClient, isSignedBy } from "../clients/bundle-key.ts";
import { type BundleObjects, bundleObjectsClient, TooLarge } from "../clients/bundle-objects.ts";
import type { Clock } from "../runtime/clock.ts";
import type { BundlePlace } from "./bundle-place.ts";

/** Where bundles lie, and who signs them: what publishing works with. */
export interface BundleDesk {
  /** What is too large to be read is refused, as {@link PublishingRefused}. */
  readonly objects: BundleObjects;
  /** @returns DER */
  sign(text: string): Promise<Uint8Array>;
  /** Whether machines believe it: any of the trusted keys will do. */
  isSigned(text: string, signature: Uint8Array): Promise<boolean>;
  /** Whether it is of the key that signs now. */
  isSignedNow(text: string, signature: Uint8Array): Promise<boolean>;
}

/** What is stored is not what it has to be, or another was first; the message has the remedy. */
export class PublishingRefused extends Error {
  override readonly name = "PublishingRefused";
}

const refusingTooLarge = (objects: BundleObjects): BundleObjects => ({
  ...objects,
  async read(key) {
    try {
      return await objects.read(key);
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      throw new PublishingRefused(
        `${error.message}, and machines refuse it: see who wrote it, and bring back the version before it`,
        { cause: error },
      );
    }
  },
});

/** The desk of a cluster, with the credentials of the caller. */
export const openDesk = (
  options: AwsClientOptions,
  { bucket, key, trustedKeys }: BundlePlace,
  clock: Clock,
): BundleDesk => {
  const signer = bundleKeyClient(options, key);
  const trusted = trustedKeys.map((id) => (id === key ? signer : bundleKeyClient(options, id)));
  return {
    objects: refusingTooLarge(bundleObjectsClient(options, bucket, clock)),
    sign: (text) => signer.sign(text),
    async isSigned(text, signature) {
      for (const each of trusted) {
        if (isSignedBy(await each.publicKey(), text, signature)) return true;
      }
      return false;
    },
    isSignedNow: async (text, signature) => isSignedBy(await signer.publicKey(), text, signature),
  };
};
