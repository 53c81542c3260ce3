import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { stringify } from "yaml";
import { buildBundle as buildTar } from "../../../infra/bundle/build-bundle.ts";
import { checkSource } from "../../../infra/bundle/check-source.ts";
import type { DescriptionInput } from "../../../infra/bundle/rules/source-schema.ts";
import { formatChannel, signChannel } from "../../../lambdas/config/channel.ts";
import { formatManifest, type Manifest } from "../../../lambdas/config/manifest.ts";
import { architectures } from "../../../lambdas/config/plan.ts";
import { type Entry, makeTar } from "./tar.ts";

/** Keys as the publisher's: ECDSA P-256. */
export const makeKey = () => generateKeyPairSync("ec", { namedCurve: "prime256v1" });

export const publicPem = (key: KeyObject): string =>
  key.export({ type: "spki", format: "pem" }).toString();

export const sha256 = (content: string | Buffer): string =>
  createHash("sha256").update(content).digest("hex");

/** What a test publishes: a folder as a person keeps it. */
export interface Source {
  /** Contents by their absolute paths on the machine. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Targets by the absolute paths of links. */
  readonly links?: Readonly<Record<string, string>>;
  /** Scripts by their names. */
  readonly hooks?: Readonly<Record<string, string>>;
  /** What `bundle.yaml` says; by default only that it is for all architectures. */
  readonly description?: Partial<DescriptionInput>;
}

/** Writes a source into an empty folder. */
export const layOut = (folder: string, source: Source): void => {
  const place = (path: string): string => {
    const at = join(folder, path);
    mkdirSync(dirname(at), { recursive: true });
    return at;
  };
  mkdirSync(join(folder, "files"));
  for (const [path, content] of Object.entries(source.files ?? {}))
    writeFileSync(place(`files${path}`), content);
  for (const [path, target] of Object.entries(source.links ?? {}))
    symlinkSync(target, place(`files${path}`));
  for (const [name, content] of Object.entries(source.hooks ?? {}))
    writeFileSync(place(`hooks/${name}`), content, { mode: 0o755 });
  writeFileSync(join(folder, "bundle.yaml"), stringify({ architectures, ...source.description }));
};

/** A bundle as it lies in the bucket. */
export interface Bundle {
  readonly sha256: string;
  readonly tar: Buffer;
  readonly archive: Buffer;
  readonly manifest: Buffer;
  readonly signature: Buffer;
}

const seal = (key: KeyObject, tar: Buffer, manifest: Manifest): Bundle => {
  const text = Buffer.from(formatManifest(manifest));
  return {
    sha256: sha256(tar),
    tar,
    archive: gzipSync(tar),
    manifest: text,
    signature: sign("sha256", text, key),
  };
};

/**
 * A bundle of what lies in a folder, as it is published.
 *
 * @param said - what its manifest says in the place of what is so
 */
export const buildBundleOf = async (
  key: KeyObject,
  folder: string,
  { pool = "workers", said = {} }: { pool?: string; said?: Partial<Manifest> } = {},
): Promise<Bundle> => {
  const pieces: Buffer[] = [];
  const checked = await checkSource(folder, pool);
  const manifest = await buildTar(checked, (piece) => void pieces.push(Buffer.from(piece)));
  return seal(key, Buffer.concat(pieces), { ...manifest, ...said });
};

/** A bundle of a source that a test says. */
export const buildBundle = async (
  key: KeyObject,
  source: Source,
  options?: Parameters<typeof buildBundleOf>[2],
): Promise<Bundle> => {
  const folder = mkdtempSync(join(tmpdir(), "drover-source-"));
  try {
    layOut(folder, source);
    return await buildBundleOf(key, folder, options);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** A signed bundle of any entries at all, which no publisher would build. */
export const buildHostileBundle = (key: KeyObject, entries: readonly Entry[]): Bundle => {
  const tar = makeTar(entries);
  return seal(key, tar, {
    pool: "workers",
    sha256: sha256(tar),
    bytes: tar.length,
    entries: entries.length,
  });
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
