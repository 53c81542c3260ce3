import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { isSignedBy } from "../../lambdas/clients/bundle-key.ts";
import { type Channel, parseChannel, splitChannel } from "../../lambdas/config/channel.ts";
import { archiveKey, channelKey, manifestKey, signatureKey } from "../../lambdas/config/keys.ts";
import { type Manifest, parseManifest } from "../../lambdas/config/manifest.ts";
import type { Installation } from "../machines/pull.ts";
import type { Look } from "../world/machines.ts";

/** One version of an object, as the bucket keeps it. */
export interface ObjectVersion {
  readonly key: string;
  /** When it was written. Milliseconds since the epoch. */
  readonly at: number;
  /** Absent when the object was deleted. */
  readonly content?: Uint8Array | undefined;
  /** Whether it was none of Drover's who wrote it, nor one who publishes. */
  readonly isForeign: boolean;
}

export interface MachineEvidence {
  readonly instanceId: string;
  /** The instance tag `drover:bundle`. */
  readonly tag?: string | undefined;
  /** What was on its disk, the oldest first. */
  readonly installations: readonly Installation[];
  /** When it looked for its bundle, and went on with which. */
  readonly looks: readonly Look[];
  /** Its node in Nomad; absent when it never joined. */
  readonly node?: { readonly status: string; readonly bundle: string | undefined } | undefined;
}

/** What bucket, key, Nomad and the disks of machines know after a rehearsal of publishing. */
export interface BundleEvidence {
  readonly pool: string;
  /** PEM. */
  readonly keys: readonly string[];
  /** Of the whole bucket, the oldest first. */
  readonly versions: readonly ObjectVersion[];
  readonly machines: readonly MachineEvidence[];
}

export interface BundleInvariant {
  readonly name: string;
  /** @returns a sentence for each violation */
  readonly judge: (evidence: BundleEvidence) => string[];
}

const textOf = (content: Uint8Array): string => Buffer.from(content).toString("utf8");

const orNothing = <Result>(read: () => Result): Result | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

const isSigned = ({ keys }: BundleEvidence, text: string, signature: Uint8Array): boolean =>
  keys.some((key) => isSignedBy(key, text, signature));

/** A version of the channel, and until when it was the newest. */
export interface ChannelVersion {
  readonly from: number;
  readonly until: number;
  readonly isForeign: boolean;
  /** Absent when it is none, or nobody signed it who may. */
  readonly channel?: Channel | undefined;
}

const readChannel = (evidence: BundleEvidence, content: Uint8Array): Channel | undefined =>
  orNothing(() => {
    const { text, signature } = splitChannel(textOf(content));
    const channel = parseChannel(text);
    return isSigned(evidence, text, signature) && channel.pool === evidence.pool
      ? channel
      : undefined;
  });

export const channelVersions = (evidence: BundleEvidence): ChannelVersion[] => {
  const own = evidence.versions.filter(({ key }) => key === channelKey(evidence.pool));
  return own.map(({ at, content, isForeign }, index) => ({
    from: at,
    until: own[index + 1]?.at ?? Number.POSITIVE_INFINITY,
    isForeign,
    channel: content && readChannel(evidence, content),
  }));
};

/** Archives are unpacked once, however often they are asked about. */
const digests = new WeakMap<Uint8Array, string>();

const tarDigest = (archive: Uint8Array): string => {
  const known = digests.get(archive);
  if (known !== undefined) return known;
  const tar = orNothing(() => gunzipSync(archive));
  const digest = tar === undefined ? "" : createHash("sha256").update(tar).digest("hex");
  digests.set(archive, digest);
  return digest;
};

const newestAt = ({ versions }: BundleEvidence, key: string, at: number): Uint8Array | undefined =>
  versions.findLast((version) => version.key === key && version.at <= at)?.content;

/** The manifest of a bundle at a moment, if somebody signed it who may. */
const manifestAt = (evidence: BundleEvidence, sha256: string, at: number): Manifest | undefined => {
  const content = newestAt(evidence, manifestKey(evidence.pool, sha256), at);
  const signature = newestAt(evidence, signatureKey(evidence.pool, sha256), at);
  if (content === undefined || signature === undefined) return undefined;
  const text = textOf(content);
  const manifest = orNothing(() => parseManifest(text));
  const isOwn = manifest?.pool === evidence.pool && manifest.sha256 === sha256;
  return isOwn && isSigned(evidence, text, signature) ? manifest : undefined;
};

/** When anything of a bundle was written, within some time. */
const momentsOf = (
  { versions, pool }: BundleEvidence,
  sha256: string,
  from: number,
  until: number,
): number[] => {
  const keys = new Set([archiveKey, manifestKey, signatureKey].map((key) => key(pool, sha256)));
  const changes = versions
    .filter(({ key, at }) => keys.has(key) && at > from && at <= until)
    .map(({ at }) => at);
  return [from, ...changes];
};

/** Whether a bundle was signed at any moment of some time: its manifest, for this pool. */
export const wasSigned = (
  evidence: BundleEvidence,
  sha256: string,
  from: number,
  until: number,
): boolean =>
  momentsOf(evidence, sha256, from, until).some(
    (at) => manifestAt(evidence, sha256, at) !== undefined,
  );

/** Whether a bundle was whole at any moment of some time: signed, and with the archive that its name says. */
export const wasVerified = (
  evidence: BundleEvidence,
  sha256: string,
  from: number,
  until: number,
): boolean =>
  momentsOf(evidence, sha256, from, until).some((at) => {
    const archive = newestAt(evidence, archiveKey(evidence.pool, sha256), at);
    return (
      archive !== undefined &&
      tarDigest(archive) === sha256 &&
      manifestAt(evidence, sha256, at) !== undefined
    );
  });
