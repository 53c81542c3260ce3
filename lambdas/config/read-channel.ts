import { type BundleDesk, PublishingRefused } from "./bundle-desk.ts";
import { type Channel, parseChannel, splitChannel } from "./channel.ts";
import { channelKey } from "./keys.ts";
import { FormatError, textOf } from "./lines.ts";

/** A channel as it was read, and the tag by which it is replaced. */
export interface ReadChannel {
  readonly channel: Channel;
  readonly etag: string;
  /** Whether it is signed by the key that signs now, or by one that is only trusted still. */
  readonly isSignedNow: boolean;
}

/**
 * Reads the channel of a pool. It is verified as a machine does it, since what is
 * read here is signed again with its next move.
 *
 * @returns undefined when nothing was published to the pool
 * @throws PublishingRefused if the channel is not this pool's, or not of this key
 */
export const readChannel = async (
  desk: BundleDesk,
  pool: string,
): Promise<ReadChannel | undefined> => {
  const name = channelKey(pool);
  const found = await desk.objects.read(name);
  if (found === undefined) return undefined;
  const refuse = (what: string): never => {
    throw new PublishingRefused(
      `${name} ${what}: machines refuse it too, and nothing was moved; see who wrote it, and bring back the version before it`,
    );
  };
  try {
    const { text, signature } = splitChannel(textOf(found.content));
    if (!(await desk.isSigned(text, signature)))
      return refuse("is not signed by the key of the bundles");
    const channel = parseChannel(text);
    if (channel.pool !== pool) return refuse(`is the channel of the pool ${channel.pool}`);
    const isSignedNow = await desk.isSignedNow(text, signature);
    return { channel, etag: found.etag, isSignedNow };
  } catch (error) {
    if (error instanceof FormatError) return refuse(`is no channel (${error.message})`);
    throw error;
  }
};
