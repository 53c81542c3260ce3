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
  try {
    await checkStored(desk, pool, sha256);
  } catch (error) {
    if (!(error instanceof PublishingRefused)) throw error;
    const serial = result.channel?.serial;
    throw new PublishingRefused(
      `${error.message}; the channel points to it (serial ${serial}): publish its source again, or roll back`,
      { cause: error },
    );
  }
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
 * The bundle that is meant where none is named: the candidate is promoted, and the way back
 * leads to what was current before.
 *
 * @throws PublishingRefused if there is none
 */
export const chooseTarget = async (
  desk: BundleDesk,
  pool: string,
  action: "publish" | "promote" | "rollback",
  sha256: string | undefined,
): Promise<string> => {
  if (sha256 !== undefined) return sha256;
  const channel = (await readChannel(desk, pool))?.channel;
  const target = action === "promote" ? channel?.candidate : channel?.previous;
  if (target !== undefined) return target;
  const why = {
    publish: "needs a bundle",
    promote: "has no candidate: publish one, or name a bundle",
    rollback: "had no bundle before the current one: name one",
  };
  throw new PublishingRefused(
    channel ? `the pool ${pool} ${why[action]}` : `nothing was ever published to the pool ${pool}`,
  );
};

/** A bundle that is in the bucket becomes the current one; by default the candidate. */
export const promoteStored = async (
  desk: BundleDesk,
  order: Order,
  sha256?: string,
): Promise<MoveResult> =>
  moveTo(desk, order, await chooseTarget(desk, order.pool, "promote", sha256), promote);

/** The way back: another bundle becomes the current one; by default what was current before. */
export const rollBackChannel = async (
  desk: BundleDesk,
  order: Order,
  to?: string,
): Promise<MoveResult> =>
  moveTo(
    desk,
    order,
    await chooseTarget(desk, order.pool, "rollback", to),
    (_, channel, target, mover) =>
      channel ? rollBack(channel, target, mover) : { moved: false, why: "the channel is gone" },
  );

/** The candidate is one no longer. */
export const withdrawCandidate = (desk: BundleDesk, { pool, mover }: Order): Promise<MoveResult> =>
  swapChannel(desk, pool, (channel) =>
    channel ? withdraw(channel, mover) : { moved: false, why: "nothing was ever published" },
  );
