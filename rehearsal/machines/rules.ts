import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { isSignedBy } from "../../lambdas/clients/bundle-key.ts";
import { type Channel, parseChannel, splitChannel } from "../../lambdas/config/channel.ts";
import { FormatError, isSha256, textOf } from "../../lambdas/config/lines.ts";
import { type Manifest, parseManifest } from "../../lambdas/config/manifest.ts";
import type { MachineSettings } from "./settings.ts";

/** What was found is wrong, and will be the next time too. */
export class Refused extends Error {
  override readonly name = "Refused";
}

const refuse = (why: string): never => {
  throw new Refused(`refused: ${why}`);
};

/** A channel as a machine keeps it. */
export interface SeenChannel {
  readonly serial: number;
  /** Without its signature. */
  readonly text: string;
}

/** By any of the keys that the machine was given. */
const isTrusted = (
  { publicKeys }: Pick<MachineSettings, "publicKeys">,
  text: string,
  signature: Uint8Array,
): boolean => publicKeys.some((key) => isSignedBy(key, text, signature));

/** @throws Refused instead of FormatError */
const reading = <Result>(what: string, read: () => Result): Result => {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) return refuse(`${what}: ${error.message}`);
    throw error;
  }
};

/**
 * Reads the channel of a pool and believes nothing in it before its signature is proven.
 *
 * @param seen - the newest that the machine has seen
 * @throws Refused
 */
export const acceptChannel = (
  content: Uint8Array,
  settings: Pick<MachineSettings, "pool" | "serialFloor" | "publicKeys">,
  seen: SeenChannel | undefined,
): { readonly channel: Channel; readonly seen: SeenChannel } => {
  const { pool, serialFloor } = settings;
  const name = `channels/${pool}`;
  const { text, signature } = reading(name, () => splitChannel(textOf(content)));
  if (!isTrusted(settings, text, signature))
    return refuse(`${name} has a wrong signature: it was changed, or signed with another key`);
  const channel = reading(name, () => parseChannel(text));
  const { serial } = channel;
  if (channel.pool !== pool)
    return refuse(`${name} is for pool ${channel.pool}, and this machine is of pool ${pool}`);
  if (serial < serialFloor)
    return refuse(
      `${name} has serial ${serial}, and this machine was told to take none below ${serialFloor}`,
    );
  if (seen !== undefined && serial < seen.serial)
    return refuse(
      `${name} has serial ${serial}, and this machine has seen ${seen.serial}: somebody put an old one back`,
    );
  if (seen !== undefined && serial === seen.serial && text !== seen.text)
    return refuse(`${name} has serial ${serial} as before, with something else in it`);
  return { channel, seen: { serial, text } };
};

/**
 * Which bundle of a channel is for a machine.
 *
 * @param tag - its instance tag `drover:bundle`
 * @param hasBundle - whether the machine runs one: then a tag that names neither is of its launch
 * @throws Refused
 */
export const chooseBundle = (
  { pool, current, candidate }: Channel,
  tag: string | undefined,
  hasBundle: boolean,
): string => {
  if (tag !== undefined) {
    if (!isSha256(tag)) return refuse(`the tag drover:bundle is '${tag}', which is no digest`);
    if (tag === current || tag === candidate) return tag;
    if (!hasBundle)
      return refuse(
        `the tag drover:bundle names ${tag}, which is neither current nor candidate of pool ${pool}`,
      );
  }
  return current ?? refuse(`pool ${pool} has no current bundle yet: promote one first`);
};

/** @throws Refused unless it is the manifest of this bundle for this pool, signed */
export const acceptManifest = (
  content: Uint8Array,
  signature: Uint8Array,
  settings: Pick<MachineSettings, "pool" | "publicKeys">,
  sha256: string,
): Manifest => {
  const name = `${sha256}.manifest`;
  const text = reading(name, () => textOf(content));
  if (!isTrusted(settings, text, signature))
    return refuse(`${name} has a wrong signature: it was changed, or signed with another key`);
  const manifest = reading(name, () => parseManifest(text));
  if (manifest.pool !== settings.pool)
    return refuse(
      `bundle ${sha256} is of pool ${manifest.pool}, and this machine is of pool ${settings.pool}`,
    );
  return manifest.sha256 === sha256 ? manifest : refuse(`${name} speaks of ${manifest.sha256}`);
};

export const digestOf = (content: Uint8Array): string =>
  createHash("sha256").update(content).digest("hex");

/**
 * Unpacks an archive as far as the tar in it.
 *
 * @throws Refused unless that is the one of the manifest
 */
export const openArchive = (archive: Uint8Array, { sha256, bytes }: Manifest): Buffer => {
  const unzip = (): Buffer => {
    try {
      return gunzipSync(archive, { maxOutputLength: bytes });
    } catch (error) {
      return refuse(`the archive of ${sha256} is no gzip of ${bytes} bytes (${String(error)})`);
    }
  };
  const tar = unzip();
  if (tar.length !== bytes)
    return refuse(`the archive of ${sha256} has ${tar.length} bytes, and not ${bytes}`);
  const found = digestOf(tar);
  return found === sha256 ? tar : refuse(`the archive of ${sha256} has the digest ${found}`);
};
