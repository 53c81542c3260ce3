import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { gzipSync } from "node:zlib";
import { formatChannel, signChannel } from "../../../lambdas/config/channel.ts";
import { formatManifest, type Manifest } from "../../../lambdas/config/manifest.ts";
import { formatPlan, type Plan } from "../../../lambdas/config/plan.ts";
import { type Entry, makeTar } from "./tar.ts";

/** Keys as the publisher's: ECDSA P-256. */
export const makeKey = () => generateKeyPairSync("ec", { namedCurve: "prime256v1" });

export const publicPem = (key: KeyObject): string =>
  key.export({ type: "spki", format: "pem" }).toString();

export const sha256 = (content: string | Buffer): string =>
  createHash("sha256").update(content).digest("hex");

/** What a test says of a bundle; the rest is what a bundle of the pool `workers` has. */
export interface Source {
  /** By their absolute paths. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Targets by the absolute paths of links. */
  readonly links?: Readonly<Record<string, string>>;
  /** Scripts by their names. */
  readonly hooks?: Readonly<Record<string, string>>;
  readonly plan?: Partial<Plan>;
  /** In the place of all of these. */
  readonly entries?: readonly Entry[];
}

export const emptyPlan: Plan = {
  pool: "workers",
  architectures: ["amd64", "arm64"],
  owned: [],
  rendered: [],
  binaries: [],
  checks: [],
  secrets: [],
  services: [],
  watches: [],
  hooks: [],
};

const foldersAbove = (path: string): string[] => {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => `${parts.slice(0, index + 1).join("/")}/`);
};

const entriesOf = (source: Source): readonly Entry[] => {
  const entries: Entry[] = [
    ...Object.entries(source.files ?? {}).map(([path, content]) => ({
      name: `files${path}`,
      content,
    })),
    ...Object.entries(source.links ?? {}).map(([path, target]) => ({
      name: `files${path}`,
      type: "2",
      target,
    })),
    ...Object.entries(source.hooks ?? {}).map(([name, content]) => ({
      name: `hooks/${name}`,
      content,
      mode: 0o755,
    })),
    { name: "plan", content: formatPlan({ ...emptyPlan, ...source.plan }) },
  ];
  const folders = new Set(["files/", ...entries.flatMap(({ name }) => foldersAbove(name))]);
  return [...entries, ...[...folders].map((name) => ({ name, type: "5" }))].toSorted((one, other) =>
    Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)),
  );
};

/** A bundle as it lies in the bucket. */
export interface Bundle {
  readonly sha256: string;
  readonly tar: Buffer;
  readonly archive: Buffer;
  readonly manifest: Buffer;
  readonly signature: Buffer;
}

/** @param manifest - what differs from what is so */
export const buildBundle = (
  key: KeyObject,
  source: Source,
  manifest: Partial<Manifest> = {},
): Bundle => {
  const entries = source.entries ?? entriesOf(source);
  const tar = makeTar(entries);
  const digest = sha256(tar);
  const text = Buffer.from(
    formatManifest({
      pool: "workers",
      sha256: digest,
      bytes: tar.length,
      entries: entries.length,
      ...manifest,
    }),
  );
  return {
    sha256: digest,
    tar,
    archive: gzipSync(tar),
    manifest: text,
    signature: sign("sha256", text, key),
  };
};

/** The objects of a bundle by their keys. */
export const bundleObjects = (bundle: Bundle, pool = "workers"): ReadonlyMap<string, Buffer> =>
  new Map([
    [`bundles/${pool}/${bundle.sha256}.tar.gz`, bundle.archive],
    [`bundles/${pool}/${bundle.sha256}.manifest`, bundle.manifest],
    [`bundles/${pool}/${bundle.sha256}.manifest.sig`, bundle.signature],
  ]);

/** A signed channel. */
export const buildChannel = (
  key: KeyObject,
  channel: {
    readonly serial: number;
    readonly current?: string | undefined;
    readonly candidate?: string | undefined;
    readonly previous?: string | undefined;
    readonly pool?: string;
  },
): string => {
  const time = "2026-11-25T10:00:00Z";
  const text = formatChannel({
    pool: "workers",
    issued: time,
    ...channel,
    history: [
      {
        serial: channel.serial,
        time,
        move: "promoted",
        sha256: channel.current ?? channel.candidate ?? "0".repeat(64),
        who: "a person with a name",
      },
    ],
  });
  return signChannel(text, sign("sha256", Buffer.from(text), key));
};
