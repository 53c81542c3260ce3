import { createClock } from "@sinonjs/fake-timers";

import type { Clock } from "../../../lambdas/runtime/clock.ts";

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Lets time pass, step by step, with everything that happens in it. */
  pass(milliseconds: number): Promise<void>;
  /** Lets time pass until a condition holds. */
  until(holds: () => boolean, limit?: number): Promise<void>;
}

/** The clocks of the test, not those of the process: nothing global is replaced. */
export const createManualClock = (start = Date.UTC(2026, 0, 1)): ManualClock => {
  const timers = createClock(start);
  const pass = async (milliseconds: number): Promise<void> => {
    await timers.tickAsync(milliseconds);
  };
  return {
    now: () => timers.now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const timer = timers.setTimeout(() => resolve(), Math.max(0, milliseconds));
        signal?.addEventListener("abort", () => {
          timers.clearTimeout(timer);
          reject(signal.reason);
        });
      }),
    pass,
    until: async (holds, limit = 7 * 86_400_000) => {
      const end = timers.now + limit;
      while (!holds()) {
        if (timers.now >= end || timers.countTimers() === 0)
          throw new Error("it did not come to that");
        await timers.nextAsync();
      }
    },
  };
};
