import type { Clock } from "../../../lambdas/runtime/clock.ts";

/** A clock for one test: it stands still until somebody waits, then jumps to the next wake-up. */
export interface VirtualClock extends Clock {
  /** Lets time pass until a promise has settled, and gives its result. */
  until<Result>(promise: Promise<Result>): Promise<Result>;
  /** Lets this many seconds pass. */
  pass(seconds: number): Promise<void>;
  /** Lets time pass until something holds, at most for an hour. Gives the seconds that it took. */
  when(condition: () => boolean): Promise<number>;
}

interface Sleeper {
  readonly time: number;
  readonly serial: number;
  readonly wake: () => void;
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** @param start - milliseconds since the epoch */
export const createVirtualClock = (start = Date.parse("2026-03-01T12:00:00Z")): VirtualClock => {
  let now = start;
  let serial = 0;
  const sleepers = new Set<Sleeper>();

  const first = (): Sleeper | undefined => {
    let best: Sleeper | undefined;
    for (const sleeper of sleepers) {
      const earlier =
        !best ||
        sleeper.time < best.time ||
        (sleeper.time === best.time && sleeper.serial < best.serial);
      if (earlier) best = sleeper;
    }
    return best;
  };

  /** Wakes the next sleeper, unless it sleeps beyond a limit. */
  const step = async (limit: number): Promise<boolean> => {
    await settled();
    const next = first();
    if (!next || next.time > limit) return false;
    now = Math.max(now, next.time);
    sleepers.delete(next);
    next.wake();
    await settled();
    return true;
  };

  const clock: VirtualClock = {
    now: () => now,

    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const abort = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          time: now + Math.max(0, milliseconds),
          serial: serial++,
          wake: () => {
            signal?.removeEventListener("abort", abort);
            resolve();
          },
        };
        if (signal?.aborted) return abort();
        sleepers.add(sleeper);
        signal?.addEventListener("abort", abort, { once: true });
      }),

    async until(promise) {
      let done = false;
      const watched = promise.finally(() => {
        done = true;
      });
      watched.catch(() => undefined);
      for (;;) {
        await settled();
        if (done) return watched;
        if (!(await step(Number.POSITIVE_INFINITY))) {
          await settled();
          if (done) return watched;
          throw new Error("nothing is left that could happen, and the promise is still pending");
        }
      }
    },

    async pass(seconds) {
      const end = now + seconds * 1000;
      while (await step(end));
      now = end;
      await settled();
    },

    async when(condition) {
      const began = now;
      await settled();
      while (!condition()) {
        if (!(await step(began + 3600_000))) throw new Error("it did not happen within an hour");
      }
      return (now - began) / 1000;
    },
  };
  return clock;
};
