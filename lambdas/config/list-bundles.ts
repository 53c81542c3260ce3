import type { ListedObject } from "../clients/bundle-objects.ts";
import { type BundleDesk, PublishingRefused } from "./bundle-desk.ts";
import type { Channel } from "./channel.ts";
import { archiveKey, bundlesPrefix, channelsPrefix, reportsPrefix } from "./keys.ts";
import { FormatError, isSha256 } from "./lines.ts";
import { readChannel } from "./read-channel.ts";
import { parseReport, type Report } from "./report.ts";

/** An archive in the bucket. */
export interface StoredBundle {
  readonly sha256: string;
  /** Of the compressed archive. */
  readonly bytes: number;
  /** When it was stored, in milliseconds since the Unix epoch. */
  readonly stored: number;
}

/** The last report of a machine, which may have ended since. */
export interface ReportedMachine {
  readonly instanceId: string;
  /** The object in which it is. */
  readonly key: string;
  /** When it was stored, in milliseconds since the Unix epoch. */
  readonly stored: number;
  /** Absent if it cannot be read. */
  readonly report?: Report | undefined;
}

/** How many reports are read at once. */
const readsAtOnce = 32;

// Nobody has signed it: half a letter, where a machine has cut a text, is a mark of that.
const utf8 = new TextDecoder();
const textOf = (content: Uint8Array): string => utf8.decode(content).replaceAll("\ufffd", "?");

/** Bytes. A report has some hundred; whatever a machine has made of more is not read. */
const largestReport = 64 * 1024;

export const listStored = async (
  { objects }: BundleDesk,
  pool: string,
): Promise<readonly StoredBundle[]> => {
  const found: StoredBundle[] = [];
  for await (const { key, bytes, modified } of objects.list(bundlesPrefix(pool))) {
    const sha256 = /\/([^/]*)\.tar\.gz$/.exec(key)?.[1] ?? "";
    if (isSha256(sha256) && key === archiveKey(pool, sha256))
      found.push({ sha256, bytes, stored: modified });
  }
  return found;
};

const readReport = async (
  { objects }: BundleDesk,
  { key, bytes, modified }: ListedObject,
): Promise<ReportedMachine | undefined> => {
  const instanceId = /:(i-[0-9a-f]{1,17})$/.exec(key)?.[1];
  if (instanceId === undefined) return undefined;
  const unreadable = { instanceId, key, stored: modified };
  if (bytes > largestReport) return unreadable;
  try {
    const found = await objects.read(key);
    return found && { ...unreadable, report: parseReport(textOf(found.content)) };
  } catch (error) {
    // It may have grown since it was listed.
    if (error instanceof FormatError || error instanceof PublishingRefused) return unreadable;
    throw error;
  }
};

/** What the machines of a pool said last. One GET for each of them. */
export const listReports = async (
  desk: BundleDesk,
  pool: string,
): Promise<readonly ReportedMachine[]> => {
  const listed: ListedObject[] = [];
  for await (const each of desk.objects.list(reportsPrefix(pool))) listed.push(each);
  const reports: ReportedMachine[] = [];
  for (let from = 0; from < listed.length; from += readsAtOnce) {
    const some = listed.slice(from, from + readsAtOnce);
    const read = await Promise.all(some.map((each) => readReport(desk, each)));
    reports.push(...read.filter((each) => each !== undefined));
  }
  return reports;
};

/** The pools that have a channel. */
export const listPools = async ({ objects }: BundleDesk): Promise<readonly string[]> => {
  const pools: string[] = [];
  for await (const { key } of objects.list(channelsPrefix)) {
    pools.push(key.slice(channelsPrefix.length));
  }
  return pools;
};

/** All that is known of the bundles of a pool. */
export interface PoolBundles {
  readonly channel: Channel | undefined;
  readonly stored: readonly StoredBundle[];
  readonly machines: readonly ReportedMachine[];
}

/** @throws PublishingRefused if the channel is not to be trusted */
export const listBundles = async (desk: BundleDesk, pool: string): Promise<PoolBundles> => {
  const [read, stored, machines] = await Promise.all([
    readChannel(desk, pool),
    listStored(desk, pool),
    listReports(desk, pool),
  ]);
  return { channel: read?.channel, stored, machines };
};
