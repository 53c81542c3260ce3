import type { BundleKey } from "../clients/bundle-key.ts";
import type { BundleObjects } from "../clients/bundle-objects.ts";

/** Where bundles lie and by which key they are signed: what publishing works with. */
export interface BundleDesk {
  readonly objects: BundleObjects;
  readonly key: BundleKey;
}

/** What is stored is not what it has to be, or another was first; the message has the remedy. */
export class PublishingRefused extends Error {
  override readonly name = "PublishingRefused";
}
