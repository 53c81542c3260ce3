import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "fflate";
import { blockSize, encodeHeader, paddingOf } from "../lambdas/config/tar.ts";

/** What a machine knows before it has fetched anything. Values may be tokens of a template. */
export interface MachineSettings {
  readonly pool: string;
  readonly cluster: string;
  /** Of the bundles. */
  readonly bucket: string;
  readonly region: string;
  /** The unique id of the machine's role (`AROA…`), under which it may write its report. */
  readonly roleId: string;
  /**
   * The lowest serial of the channel that the machine accepts.
   *
   * @default 0
   */
  readonly serialFloor?: number | undefined;
  /**
   * Whether a machine without the tag `drover:bundle` takes the current bundle, or waits for it.
   *
   * @default "current"
   */
  readonly assignment?: "current" | "wait" | undefined;
  /**
   * Seconds for which errors that may pass are retried: a little less than the launch hook allows.
   *
   * @default 900
   */
  readonly bootSeconds?: number | undefined;
}

/** EC2's limit for user data, in bytes before it is encoded. */
export const userDataLimit = 16_384;

// Beside `infra/` in the repository, above `dist/infra/` in the package.
const findScripts = (): string => {
  const folder = [join("..", "node"), join("..", "..", "node")]
    .map((path) => join(import.meta.dirname, path))
    .find((path) => existsSync(join(path, "drover-pull")));
  if (folder === undefined)
    throw new Error("the scripts of machines are missing: node/drover-pull");
  return folder;
};

/** What user data itself has room for: enough to fetch the rest. */
const first = [
  "drover-fetch",
  ...["aws.sh", "json.awk", "metadata.sh", "persist.sh", "say.sh", "settings.sh"].map((name) =>
    join("lib", name),
  ),
];

// A machine reads no comments. A shebang stays, and `drover-pull` shows its own as help.
const withoutComments = (path: string, text: string): string =>
  path === "drover-pull" ? text : text.replaceAll(/^[ \t]*#(?!!).*\n/gm, "");

// By fflate, since Node's own zlib gives other bytes in other versions, and the digest is the name.
const pack = (paths: readonly string[]): Uint8Array => {
  const folder = findScripts();
  const files = paths.toSorted().flatMap((path) => {
    const content = Buffer.from(withoutComments(path, readFileSync(join(folder, path), "utf8")));
    const executable = content.toString("latin1", 0, 2) === "#!";
    const header = encodeHeader({ path, kind: "file", executable, size: content.length });
    return [header, content, Buffer.alloc(paddingOf(content.length))];
  });
  return gzipSync(Buffer.concat([...files, Buffer.alloc(2 * blockSize)]), { level: 9, mtime: 0 });
};

/** The scripts of machines, to be stored as `binaries/<sha256>` in the bucket of the bundles. */
export const packMachineScripts = (): { readonly sha256: string; readonly archive: Uint8Array } => {
  const paths = readdirSync(findScripts(), { recursive: true, encoding: "utf8" }).filter(
    (path) => /\.(sh|awk)$/.test(path) || path.startsWith("drover-") || path.startsWith("init.d/"),
  );
  const archive = pack(paths);
  return { sha256: createHash("sha256").update(archive).digest("hex"), archive };
};

/**
 * User data that makes a machine of an Alpine with curl and openssl: settings, the public key,
 * enough scripts to fetch the rest, and the digest of that rest. Nothing secret is in it.
 *
 * @param publicKey - PEM
 * @param scripts - the digest of what {@link packMachineScripts} gave
 */
export const formatUserData = (
  settings: MachineSettings,
  publicKey: string,
  scripts: string,
): string => {
  const lines = {
    DROVER_POOL: settings.pool,
    DROVER_CLUSTER: settings.cluster,
    DROVER_BUCKET: settings.bucket,
    DROVER_REGION: settings.region,
    DROVER_ROLE_ID: settings.roleId,
    DROVER_SERIAL_FLOOR: String(settings.serialFloor ?? 0),
    DROVER_ASSIGNMENT: settings.assignment ?? "current",
    DROVER_BOOT_SECONDS: String(settings.bootSeconds ?? 900),
  };
  const archive = Buffer.from(pack(first))
    .toString("base64")
    .replaceAll(/.{1,76}/g, "$&\n");
  return `#!/bin/sh
set -eu
mkdir -p /etc/drover /usr/lib/drover-first
cat >/etc/drover/settings <<'END'
${Object.entries(lines)
  .map(([name, value]) => `${name}=${value}`)
  .join("\n")}
END
cat >/etc/drover/key.pem <<'END'
${publicKey.trim()}
END
base64 -d <<'END' | tar -xz -C /usr/lib/drover-first
${archive}END
exec /usr/lib/drover-first/drover-fetch ${scripts}
`;
};
