import { isDeepStrictEqual } from "node:util";
import { type BundleDesk, PublishingRefused } from "./bundle-desk.ts";
import { type Channel, formatChannel, parseChannel, signChannel, type Step } from "./channel.ts";
import { channelKey } from "./keys.ts";
import { type ReadChannel, readChannel } from "./read-channel.ts";
import type { Moved } from "./rules/move-channel.ts";

/** What became of the channel: `step` is what was done, and absent when it was so already. */
export interface MoveResult {
  readonly channel: Channel | undefined;
  readonly step?: Step | undefined;
  /** Why nothing was moved. */
  readonly why?: string | undefined;
}

const lastStep = (channel: Channel): Step | undefined => channel.history.at(-1);

/** Why the channel is not what it was to become: another was first, or came at once afterwards. */
const wasBeaten = (pool: string, own: Step | undefined, won: Channel | undefined) => {
  const isOvertaken = won?.history.some((step) => isDeepStrictEqual(step, own)) === true;
  const last = won && lastStep(won);
  const what = last
    ? `${last.who} was ${isOvertaken ? "next" : "first"}: ${last.sha256} was ${last.move} at ${last.time} (serial ${last.serial})`
    : "it is gone";
  return new PublishingRefused(
    isOvertaken
      ? `the channel of the pool ${pool} was moved by you (serial ${own?.serial}), and at once again (${what}): look at it with drover bundles`
      : `the channel of the pool ${pool} was moved meanwhile, and not by you (${what}): look at it with drover bundles, and try again`,
  );
};

/** While a key is replaced: the same text, which machines accept with any signature that they trust. */
const signAnew = async (
  desk: BundleDesk,
  pool: string,
  { channel, etag }: ReadChannel,
): Promise<void> => {
  const text = formatChannel(channel);
  // If another was first, it has been signed anew by them.
  await desk.objects.replace(channelKey(pool), signChannel(text, await desk.sign(text)), etag);
};

/**
 * Moves the channel of a pool by one step, by compare-and-swap: of two who move it at once
 * one wins, and the other is told.
 *
 * @param rule - one of `rules/move-channel.ts`; it is given the channel as it is now
 * @throws PublishingRefused if another was first, or what is there is not to be trusted
 */
export const swapChannel = async (
  desk: BundleDesk,
  pool: string,
  rule: (channel: Channel | undefined) => Moved,
): Promise<MoveResult> => {
  const before = await readChannel(desk, pool);
  const moved = rule(before?.channel);
  if (!moved.moved) {
    if (before && !before.isSignedNow) await signAnew(desk, pool, before);
    return { channel: before?.channel, why: moved.why };
  }
  const { channel } = moved;
  const text = formatChannel(channel);
  const signed = signChannel(text, await desk.sign(text));
  const isOurs = before
    ? await desk.objects.replace(channelKey(pool), signed, before.etag)
    : await desk.objects.create(channelKey(pool), signed);
  if (!isOurs) {
    // An attempt whose answer was lost may have been the one that won.
    const now = await readChannel(desk, pool);
    if (!now || formatChannel(now.channel) !== text)
      throw wasBeaten(pool, lastStep(parseChannel(text)), now?.channel);
  }
  return { channel, step: lastStep(channel) };
};
