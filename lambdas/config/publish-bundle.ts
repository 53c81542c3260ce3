import { type BundleDesk, PublishingRefused } from "./bundle-desk.ts";
import { checkStored } from "./check-stored.ts";
import type { PinnedBinary } from "./plan.ts";
import { type Mover, promote, publish, rollBack, withdraw } from "./rules/move-channel.ts";
import { readChannel } from "./read-channel.ts";
import { type BuiltBundle, storeBundle } from "./store-bundle.ts";
import { type MoveResult, swapChannel } from "./swap-channel.ts";

/** What is done to the channel of a pool. */
export interface Order {
  readonly pool: string;
  readonly mover: Mover;
}

/** A bundle becomes the candidate of a pool, or at once the current one. */
export interface PublishOrder extends Order {
  readonly promote: boolean;
}

export interface Published extends MoveResult {
  /** Whether the archive was stored now: not when it was there before. */
  readonly isNew: boolean;
}

/** @throws PublishingRefused that names all binaries of the bucket that are not there */
const checkBinaries = async (
  { objects }: BundleDesk,
  binaries: readonly PinnedBinary[],
): Promise<void> => {
  const inBucket = binaries.filter(({ source }) => !source.startsWith("https://"));
  const faults = await Promise.all(
    inBucket.map(async ({ source, path, bytes }) => {
      const stored = await objects.size(source);
      if (stored === undefined) return `${path}: there is no ${source} in the bucket: upload it`;
      if (bytes !== undefined && stored !== bytes)
        return `${path}: ${source} has ${stored} bytes, and bundle.yaml says ${bytes}: correct one of them`;
      return undefined;
    }),
  );
  const found = faults.filter((fault) => fault !== undefined);
  if (found.length > 0)
    throw new PublishingRefused(
      `binaries are not as the bundle needs them, and nothing was published:\n${found.map((fault) => `  ${fault}`).join("\n")}`,
    );
};

/** Moves a channel to a bundle that is in the bucket. */
const moveTo = async (
  desk: BundleDesk,
  { pool, mover }: Order,
  sha256: string,
  rule: typeof publish,
): Promise<MoveResult> => {
  await checkStored(desk, pool, sha256);
  const result = await swapChannel(desk, pool, (channel) => rule(pool, channel, sha256, mover));
  // Old bundles are removed by age: one that became wanted again at that moment is missed here.
  await checkStored(desk, pool, sha256);
  return result;
};

/**
 * Stores a bundle that was built, and points the channel to it.
 *
 * @throws PublishingRefused if something is not as it has to be; the channel is then as it was
 */
export const publishBundle = async (
  desk: BundleDesk,
  built: BuiltBundle,
  binaries: readonly PinnedBinary[],
  order: PublishOrder,
): Promise<Published> => {
  await checkBinaries(desk, binaries);
  const { isNew } = await storeBundle(desk, built);
  const rule = order.promote ? promote : publish;
  return { isNew, ...(await moveTo(desk, order, built.manifest.sha256, rule)) };
};

/** A bundle that is in the bucket becomes the candidate. */
export const nominateStored = (
  desk: BundleDesk,
  order: Order,
  sha256: string,
): Promise<MoveResult> => moveTo(desk, order, sha256, publish);

/**
 * A bundle that is in the bucket becomes the current one.
 *
 * @param sha256 - by default the candidate
 * @throws PublishingRefused if there is no candidate
 */
export const promoteStored = async (
  desk: BundleDesk,
  order: Order,
  sha256?: string,
): Promise<MoveResult> => {
  const target = sha256 ?? (await readChannel(desk, order.pool))?.channel.candidate;
  if (target === undefined)
    throw new PublishingRefused(
      `the pool ${order.pool} has no candidate: publish one, or name a bundle`,
    );
  return moveTo(desk, order, target, promote);
};

/**
 * The way back: another bundle becomes the current one.
 *
 * @param to - by default what was current before
 * @throws PublishingRefused if there is nothing to go back to
 */
export const rollBackChannel = async (
  desk: BundleDesk,
  { pool, mover }: Order,
  to?: string,
): Promise<MoveResult> => {
  const before = await readChannel(desk, pool);
  const target = to ?? before?.channel.previous;
  if (before === undefined || target === undefined)
    throw new PublishingRefused(
      before === undefined
        ? `nothing was ever published to the pool ${pool}`
        : `the pool ${pool} had no bundle before the current one: name one with --to`,
    );
  return moveTo(desk, { pool, mover }, target, (_, channel) =>
    channel ? rollBack(channel, target, mover) : { moved: false, why: "the channel is gone" },
  );
};

/** The candidate is one no longer. */
export const withdrawCandidate = (desk: BundleDesk, { pool, mover }: Order): Promise<MoveResult> =>
  swapChannel(desk, pool, (channel) =>
    channel ? withdraw(channel, mover) : { moved: false, why: "nothing was ever published" },
  );
