import type { BundleDesk } from "./bundle-desk.ts";
import type { Channel } from "./channel.ts";
import { bundlesPrefix, channelsPrefix, reportsPrefix } from "./keys.ts";
import { FormatError, isSha256, textOf } from "./lines.ts";
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
  /** Absent if it cannot be read. */
  readonly report?: Report | undefined;
}

/** How many reports are read at once. */
const readsAtOnce = 32;

export const listStored = async (
  { objects }: BundleDesk,
  pool: string,
): Promise<readonly StoredBundle[]> => {
  const found: StoredBundle[] = [];
  for await (const { key, bytes, modified } of objects.list(bundlesPrefix(pool))) {
    const sha256 = /\/([^/]*)\.tar\.gz$/.exec(key)?.[1] ?? "";
    if (isSha256(sha256)) found.push({ sha256, bytes, stored: modified });
  }
  return found;
};

const readReport = async (
  { objects }: BundleDesk,
  key: string,
): Promise<ReportedMachine | undefined> => {
  const instanceId = /:(i-[0-9a-f]+)$/.exec(key)?.[1];
  if (instanceId === undefined) return undefined;
  const found = await objects.read(key);
  if (found === undefined) return undefined;
  try {
    return { instanceId, key, report: parseReport(textOf(found.content)) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { instanceId, key };
  }
};

/** What the machines of a pool said last. One GET for each of them. */
export const listReports = async (
  desk: BundleDesk,
  pool: string,
): Promise<readonly ReportedMachine[]> => {
  const keys: string[] = [];
  for await (const { key } of desk.objects.list(reportsPrefix(pool))) keys.push(key);
  const reports: ReportedMachine[] = [];
  for (let from = 0; from < keys.length; from += readsAtOnce) {
    const some = keys.slice(from, from + readsAtOnce);
    const read = await Promise.all(some.map((key) => readReport(desk, key)));
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
