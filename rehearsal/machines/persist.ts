import type { Clock } from "../../lambdas/runtime/clock.ts";
import type { Random } from "../random.ts";
import { Refused } from "./rules.ts";

/** How one attempt ended. */
export type Attempt<Value> =
  | { readonly kind: "done"; readonly value: Value }
  | { readonly kind: "absent" }
  | {
      /** `transient` may pass; `denied` may as well, soon after a permission was given. */
      readonly kind: "transient" | "denied" | "hopeless";
      readonly trouble: string;
    };

/** It might have worked, but not within the time. */
export class GaveUp extends Error {
  override readonly name = "GaveUp";
}

export interface Patience {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds since the epoch. */
  readonly began: number;
  readonly deadline: number;
}

/** Milliseconds, as `node/lib/persist.sh` has them. */
const firstPause = 200;
const longestPause = 20_000;
/** Permissions that were just granted take seconds to arrive everywhere. */
const deniedFor = 60_000;

/**
 * Tries until it succeeds, cannot succeed, or the time is over.
 *
 * @returns undefined when there is no such thing
 * @throws Refused or GaveUp
 */
export const persist = async <Value>(
  { clock, random, began, deadline }: Patience,
  what: string,
  attempt: () => Promise<Attempt<Value>>,
): Promise<Value | undefined> => {
  for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
    const ended = await attempt();
    if (ended.kind === "done") return ended.value;
    if (ended.kind === "absent") return undefined;
    const now = clock.now();
    const isOver = now >= deadline;
    const isHopeless =
      ended.kind === "hopeless" ||
      (ended.kind === "denied" && (isOver || now - began >= deniedFor));
    if (isHopeless) throw new Refused(`refused: ${what}: ${ended.trouble}`);
    if (isOver)
      throw new GaveUp(
        `gave up: ${what}: ${ended.trouble}, for ${Math.round((now - began) / 1000)} s`,
      );
    // Machines that started together ask apart.
    await clock.sleep(pause / 2 + (random() * pause) / 2);
  }
};
