import {
  type BundleEvidence,
  type BundleInvariant,
  channelVersions,
  wasVerified,
} from "./bundle-evidence.ts";

/**
 * A bundle is looked at before a channel is moved to it, and somebody may damage
 * it meanwhile: an execution with all its retries takes less. Milliseconds.
 */
const lookedAtWithin = 600_000;

const pointsTo = (evidence: BundleEvidence): string[] =>
  channelVersions(evidence)
    // What others put there is no work of Drover's.
    .filter(({ isForeign }) => !isForeign)
    .flatMap(({ from, channel }) => {
      if (channel === undefined)
        return [`the channel of ${new Date(from).toISOString()} is not signed`];
      const { serial, current, candidate } = channel;
      return [current, candidate]
        .filter((sha256) => sha256 !== undefined)
        .filter((sha256) => !wasVerified(evidence, sha256, from - lookedAtWithin, from))
        .map(
          (sha256) =>
            `serial ${serial} points to ${sha256}, which was missing, damaged or not signed`,
        );
    });

/** Every channel that Drover ever wrote is signed, and names bundles that were whole and signed then. */
export const channelPointsToVerifiedBundle: BundleInvariant = {
  name: "channel-points-to-verified-bundle",
  judge: pointsTo,
};
