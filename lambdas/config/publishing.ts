import { awsClientOptions } from "../clients/aws.ts";
import { InputRefused } from "../runtime/errors.ts";
import { parseSettings } from "../runtime/settings.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { type BundleDesk, openDesk, PublishingRefused } from "./bundle-desk.ts";

/** The desk of a function, from its environment. */
export const connectDesk = (surroundings: Surroundings): BundleDesk => {
  const settings = parseSettings("bundles", surroundings.env);
  return openDesk(
    awsClientOptions(surroundings),
    {
      bucket: settings.DROVER_BUNDLE_BUCKET,
      key: settings.DROVER_BUNDLE_KEY,
      trustedKeys: settings.DROVER_BUNDLE_TRUSTED_KEYS,
    },
    surroundings.clock,
  );
};

/** What is refused stays refused: the state machine is not to try it again. */
export const refusing = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PublishingRefused) throw new InputRefused(error.message, { cause: error });
    throw error;
  }
};
