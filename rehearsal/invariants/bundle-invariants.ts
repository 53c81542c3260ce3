import type { BundleEvidence, BundleInvariant } from "./bundle-evidence.ts";
import { candidateOnlyWhereAssigned } from "./candidate-only-where-assigned.ts";
import { channelPointsToVerifiedBundle } from "./channel-points-to-verified-bundle.ts";
import type { Verdict } from "./evidence.ts";
import { noMachineRunsUnsigned } from "./no-machine-runs-unsigned.ts";

/** What has to be so after every rehearsal of publishing, whatever happened in it. */
export const bundleInvariants: readonly BundleInvariant[] = [
  channelPointsToVerifiedBundle,
  noMachineRunsUnsigned,
  candidateOnlyWhereAssigned,
];

export const judgeBundles = (evidence: BundleEvidence): Verdict[] =>
  bundleInvariants.map(({ name, judge }) => {
    const violations = judge(evidence);
    return { name, held: violations.length === 0, violations };
  });
