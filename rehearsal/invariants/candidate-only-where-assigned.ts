import {
  type BundleEvidence,
  type BundleInvariant,
  channelVersions,
  type MachineEvidence,
} from "./bundle-evidence.ts";

const judgeMachine = (
  evidence: BundleEvidence,
  { instanceId, tag, looks }: MachineEvidence,
): string[] =>
  looks.flatMap(({ bundle, from, until }) => {
    const seen = channelVersions(evidence)
      .filter((version) => version.from <= until && version.until >= from)
      .map(({ channel }) => channel);
    if (seen.some((channel) => channel?.current === bundle)) return [];
    const isCandidate = seen.some((channel) => channel?.candidate === bundle);
    if (isCandidate && tag === bundle) return [];
    const was = isCandidate ? "the candidate" : "neither current nor candidate";
    return [
      `${instanceId} looked and runs ${bundle}, which was ${was}, and its tag says ${tag ?? "nothing"}`,
    ];
  });

/** A machine that has looked runs what was current then; the candidate only where its tag names it. */
export const candidateOnlyWhereAssigned: BundleInvariant = {
  name: "candidate-only-where-assigned",
  judge: (evidence) => evidence.machines.flatMap((machine) => judgeMachine(evidence, machine)),
};
