import {
  type BundleEvidence,
  type BundleInvariant,
  channelVersions,
  type MachineEvidence,
} from "./bundle-evidence.ts";

const judgeMachine = (
  evidence: BundleEvidence,
  { instanceId, tag, installations }: MachineEvidence,
): string[] =>
  installations.flatMap(({ bundle, soughtAt, at }) => {
    const seen = channelVersions(evidence)
      .filter(({ from, until }) => from <= at && until >= soughtAt)
      .map(({ channel }) => channel);
    if (seen.some((channel) => channel?.current === bundle)) return [];
    const isCandidate = seen.some((channel) => channel?.candidate === bundle);
    if (isCandidate && tag === bundle) return [];
    const was = isCandidate ? "the candidate" : "neither current nor candidate";
    return [`${instanceId} took ${bundle}, which was ${was}, and its tag says ${tag ?? "nothing"}`];
  });

/** A machine takes what was current when it looked; the candidate only where its tag names it. */
export const candidateOnlyWhereAssigned: BundleInvariant = {
  name: "candidate-only-where-assigned",
  judge: (evidence) => evidence.machines.flatMap((machine) => judgeMachine(evidence, machine)),
};
