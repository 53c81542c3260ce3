import type { Move } from "../../lambdas/config/channel.ts";
import type { MoveResult } from "../../lambdas/config/swap-channel.ts";

const meanings: Readonly<Record<Move, string>> = {
  published:
    "is the candidate now: machines with the tag drover:bundle=<that digest> take it, all others the current one, until somebody promotes it",
  promoted: "is the current one now: every machine that starts from now on takes it",
  "rolled-back":
    "is the current one again: every machine that starts from now on takes it, and there is no candidate",
  withdrawn: "is no candidate any more: the current bundle stays",
};

/** What became of a channel, in the words of what was really done. */
export const renderMove = (pool: string, { channel, step, why }: MoveResult): string =>
  step
    ? `${pool}: the bundle ${step.sha256} ${meanings[step.move]} (serial ${step.serial}).\n`
    : `${pool}: nothing was moved: ${why}${channel ? ` (serial ${channel.serial})` : ""}.\n`;
