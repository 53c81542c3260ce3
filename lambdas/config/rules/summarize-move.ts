import type { MoveResult } from "../swap-channel.ts";

/** What became of a channel, for a program. */
export const summarizeMove = ({ channel, step, why }: MoveResult) => ({
  /** What was done in the end: nothing, when it was so already. */
  move: step?.move ?? null,
  moved: step?.sha256 ?? null,
  why: why ?? null,
  serial: channel?.serial ?? null,
  current: channel?.current ?? null,
  candidate: channel?.candidate ?? null,
  previous: channel?.previous ?? null,
});
