import * as v from "valibot";

/** Where the bundles of a cluster are, and by which key they are signed. */
export interface BundlePlace {
  /** The name of the bucket. */
  readonly bucket: string;
  /** The ARN of the key in KMS. */
  readonly key: string;
  /** The ARNs of all keys whose signatures machines believe: that one, and others while it is replaced. */
  readonly trustedKeys: readonly string[];
}

/** The parameter that tells it, as JSON, to the command line. */
export const bundlePlaceParameter = (cluster: string): string => `/drover/${cluster}/bundles`;

const text = v.pipe(v.string(), v.nonEmpty());
const schema = v.pipe(
  v.object({ bucket: text, key: text, trustedKeys: v.optional(v.array(text)) }),
  v.transform((place): BundlePlace => ({
    ...place,
    trustedKeys: place.trustedKeys ?? [place.key],
  })),
  // What it signed, nobody would believe.
  v.check(({ key, trustedKeys }) => trustedKeys.includes(key)),
);

/** @returns undefined if the text is not what the parameter has to be */
export const parseBundlePlace = (value: string): BundlePlace | undefined => {
  try {
    const parsed = v.safeParse(schema, JSON.parse(value));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
};
