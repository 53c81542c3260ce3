import { type Channel, historyLength, type Move } from "../channel.ts";

/** Who moves a channel, when, and from which state of the source. */
export interface Mover {
  readonly who: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly revision?: string | undefined;
}

/** The channel after a move, or why nothing is moved. */
export type Moved =
  | { readonly moved: true; readonly channel: Channel }
  | { readonly moved: false; readonly why: string };

const unmoved = (why: string): Moved => ({ moved: false, why });

/** ISO 8601 in UTC, whole seconds. */
export const timeText = (milliseconds: number): string =>
  `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;

type Pointers = Pick<Channel, "current" | "candidate" | "previous">;

const step = (
  pool: string,
  channel: Channel | undefined,
  pointers: Pointers,
  move: Move,
  sha256: string,
  { who, now, revision }: Mover,
): Moved => {
  const serial = (channel?.serial ?? 0) + 1;
  const time = timeText(now);
  return {
    moved: true,
    channel: {
      pool,
      serial,
      issued: time,
      ...pointers,
      history: [...(channel?.history ?? []), { serial, time, move, sha256, revision, who }].slice(
        -historyLength,
      ),
    },
  };
};

/**
 * A bundle becomes the candidate, which machines take whose tag names it.
 * Publishing what is current already takes back another candidate: the source
 * then says that nothing is to change.
 */
export const publish = (
  pool: string,
  channel: Channel | undefined,
  sha256: string,
  mover: Mover,
): Moved => {
  if (channel?.candidate === sha256) return unmoved("it is the candidate already");
  if (channel?.current === sha256) {
    return channel.candidate === undefined
      ? unmoved("it is the current bundle already")
      : withdraw(channel, mover);
  }
  const { current, previous } = channel ?? {};
  return step(pool, channel, { current, previous, candidate: sha256 }, "published", sha256, mover);
};

/** A bundle becomes the current one, which every machine takes that starts from now on. */
export const promote = (
  pool: string,
  channel: Channel | undefined,
  sha256: string,
  mover: Mover,
): Moved => {
  if (channel?.current === sha256) {
    return channel.candidate === undefined
      ? unmoved("it is the current bundle already")
      : withdraw(channel, mover);
  }
  // What was promoted last is the last word: an older candidate is not one any more.
  const pointers = { current: sha256, previous: channel?.current, candidate: undefined };
  return step(pool, channel, pointers, "promoted", sha256, mover);
};

/**
 * The way back: another bundle becomes the current one, and there is no
 * candidate any more, since it was made upon what is taken back.
 *
 * @param to - a digest; by default what was current before
 */
export const rollBack = (channel: Channel, to: string | undefined, mover: Mover): Moved => {
  const target = to ?? channel.previous;
  if (target === undefined) return unmoved("there was no bundle before the current one");
  if (channel.current === target && channel.candidate === undefined)
    return unmoved("it is the current bundle already");
  if (channel.current === target) return withdraw(channel, mover);
  const pointers = { current: target, previous: channel.current, candidate: undefined };
  return step(channel.pool, channel, pointers, "rolled-back", target, mover);
};

/** The candidate is one no longer, and the current bundle stays. */
export const withdraw = (channel: Channel, mover: Mover): Moved => {
  const { candidate, current, previous } = channel;
  if (candidate === undefined) return unmoved("there is no candidate");
  const pointers = { current, previous, candidate: undefined };
  return step(channel.pool, channel, pointers, "withdrawn", candidate, mover);
};
