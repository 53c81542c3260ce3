import type { Channel } from "../channel.ts";
import type { StoredBundle } from "../list-bundles.ts";

/** What is kept: only what is beyond both is removed. */
export interface Retention {
  /** The newest so many. */
  readonly count: number;
  /** Whatever was stored or moved within so many days. */
  readonly days: number;
}

const day = 24 * 60 * 60_000;

/**
 * Which bundles of a pool may be removed: old ones beyond those that are kept, and never
 * the current one, the candidate, the one before, or one that a machine runs.
 *
 * @param inUse - digests of bundles that machines run
 * @param now - milliseconds since the Unix epoch
 * @returns the oldest first
 */
export const choosePrunable = (
  channel: Channel,
  stored: readonly StoredBundle[],
  inUse: ReadonlySet<string>,
  { count, days }: Retention,
  now: number,
): readonly StoredBundle[] => {
  const since = now - days * day;
  const needed = new Set([channel.current, channel.candidate, channel.previous, ...inUse]);
  const movedLately = new Set(
    channel.history.filter(({ time }) => Date.parse(time) >= since).map(({ sha256 }) => sha256),
  );
  return stored
    .toSorted((one, other) => other.stored - one.stored)
    .slice(count)
    .filter(
      (each) => each.stored < since && !needed.has(each.sha256) && !movedLately.has(each.sha256),
    )
    .reverse();
};
