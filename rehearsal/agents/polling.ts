// Agents are real processes and live in real time. `timers/promises` stays real where the global
// timers are virtual, and so does `performance`.
import { setTimeout as sleep } from "node:timers/promises";

/** Thrown by a condition that can never hold any more. */
export class PointlessWaitError extends Error {
  override readonly name = "PointlessWaitError";
}

/**
 * Asks again and again until the answer is neither `undefined` nor `false`, and gives that answer. A
 * condition that throws counts as "not yet", except for a {@link PointlessWaitError}.
 *
 * @param description - what is waited for, for the error
 * @param timeoutMs - milliseconds of real time
 * @throws Error naming the description, with the condition's last error as the cause
 */
export const waitFor = async <T>(
  description: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 30_000,
): Promise<T> => {
  const end = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await condition();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      if (error instanceof PointlessWaitError) throw error;
      cause = error;
    }
    if (performance.now() >= end) {
      throw new Error(`waited ${timeoutMs} ms for: ${description}`, { cause });
    }
    await sleep(50);
  }
};
