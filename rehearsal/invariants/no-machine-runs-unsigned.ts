import {
  type BundleEvidence,
  type BundleInvariant,
  type MachineEvidence,
  wasSigned,
} from "./bundle-evidence.ts";

const judgeMachine = (
  evidence: BundleEvidence,
  { instanceId, installations, node }: MachineEvidence,
): string[] => {
  const unsigned = installations.flatMap(({ bundle, content, at }) => {
    if (content !== bundle) return [`${instanceId} runs ${content}, which it fetched as ${bundle}`];
    return wasSigned(evidence, content, 0, at)
      ? []
      : [`${instanceId} runs ${content}, which was never signed for the pool ${evidence.pool}`];
  });
  const runs = installations.at(-1)?.bundle;
  const isOtherwise = node !== undefined && node.bundle !== runs;
  return isOtherwise
    ? [
        ...unsigned,
        `Nomad's node of ${instanceId} says ${node.bundle ?? "nothing"}, and it runs ${runs ?? "nothing"}`,
      ]
    : unsigned;
};

/** What is on the disk of a machine was signed for its pool, byte for byte, and Nomad is told the truth of it. */
export const noMachineRunsUnsigned: BundleInvariant = {
  name: "no-machine-runs-unsigned",
  judge: (evidence) => evidence.machines.flatMap((machine) => judgeMachine(evidence, machine)),
};
