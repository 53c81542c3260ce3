import { bundlePlaceParameter, parseBundlePlace } from "../../lambdas/config/bundle-place.ts";
import type { ReportState } from "../../lambdas/config/report.ts";
import type { BundleEvidence } from "../invariants/bundle-evidence.ts";
import { account, region, type World } from "../world.ts";
import type { EmulatedPark } from "../world/emulated-park.ts";
import { bundleMeta, bundleTag, type MachineFact } from "../world/machines.ts";
import { cluster } from "./people.ts";

const tagOf = ({ tags }: World, instanceId: string): string | undefined =>
  tags.get(`arn:aws:ec2:${region}:${account}:instance/${instanceId}`, bundleTag);

/** Reads what bucket, key, Nomad and the machines' disks know at the end. */
export const gatherBundleEvidence = (
  world: World,
  park: EmulatedPark,
  {
    pool,
    bucket,
    foreign,
  }: {
    readonly pool: string;
    readonly bucket: string;
    /** Versions that were written by somebody who is no publisher. */
    readonly foreign: ReadonlySet<string>;
  },
): BundleEvidence => {
  const place = parseBundlePlace(world.ssm.get(bundlePlaceParameter(cluster))?.value ?? "");
  return {
    pool,
    keys: (place?.trustedKeys ?? []).map((key) => world.kms.publicKey(key)),
    versions: world.s3.versions(bucket).map(({ key, id, modifiedAt, content }) => ({
      key,
      at: modifiedAt,
      content: content?.bytes,
      isForeign: foreign.has(id),
    })),
    machines: world.machines.facts().map(({ instanceId, installations, looks }) => {
      const node = park.nomad.truth.node(instanceId);
      return {
        instanceId,
        tag: tagOf(world, instanceId),
        installations,
        looks,
        ...(node && { node: { status: node.Status, bundle: node.Meta[bundleMeta] } }),
      };
    }),
  };
};

/** What became of a machine, for a report. */
export interface PublishedMachine {
  readonly instanceId: string;
  /** When it was launched, in a person's words. */
  readonly wave: string;
  /** The bundle that its tag names. */
  readonly assigned: string | null;
  /** What it runs. */
  readonly bundle: string | null;
  /** The serial of the newest channel that it has seen. */
  readonly serial: number | null;
  readonly state: ReportState | null;
  /** Whether its node is ready in Nomad. */
  readonly isReady: boolean;
  /** Whether a machine that started now would run something else. */
  readonly isOutdated: boolean;
}

export const describeMachines = (
  { machines }: BundleEvidence,
  facts: readonly MachineFact[],
  waves: ReadonlyMap<string, string>,
  current: string | undefined,
): PublishedMachine[] =>
  machines.map(({ instanceId, tag, installations, node }) => {
    const report = facts.find((each) => each.instanceId === instanceId)?.report;
    const bundle = installations.at(-1)?.bundle;
    return {
      instanceId,
      wave: waves.get(instanceId) ?? "",
      assigned: tag ?? null,
      bundle: bundle ?? null,
      serial: report?.serial ?? null,
      state: report?.state ?? null,
      isReady: node?.status === "ready",
      isOutdated: bundle !== undefined && bundle !== current,
    };
  });
