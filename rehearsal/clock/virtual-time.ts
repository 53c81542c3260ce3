import { install } from "@sinonjs/fake-timers";
import { type Clock, systemClock } from "../../lambdas/runtime/clock.ts";
import { seeded } from "../random.ts";
import { takeLongSpans } from "./long-timers.ts";
import { watchRealWork } from "./real-work.ts";

export interface VirtualTimeOptions {
  /** Seeds `Math.random`, which the engine's jitter and the SDK's retries use. */
  readonly seed: number;
  /** Milliseconds since the epoch. @default 2026-01-05T09:00:00Z, a Monday */
  readonly startAt?: number;
  /** Real milliseconds that real work may take before the run is given up. @default 30,000 */
  readonly patience?: number;
}

/** Time that passes only when nothing real is under way. */
export interface VirtualTime {
  readonly clock: Clock;
  /** Milliseconds since the epoch when it began. */
  readonly startedAt: number;

  /**
   * Lets time pass until a condition holds; it is looked at after everything
   * that happened at one moment is done.
   *
   * @param withinMilliseconds - of virtual time, by default for ever
   * @returns false when the span is over, or when nothing is left that could happen
   */
  runUntil(condition: () => boolean, withinMilliseconds?: number): Promise<boolean>;
  /** Lets time pass until nothing is left that could happen. */
  runUntilIdle(): Promise<void>;
  /** Lets a span of milliseconds pass. */
  pass(milliseconds: number): Promise<void>;
  /** Time stands while this is not settled: for real work that cannot be seen from outside. */
  hold<T>(work: Promise<T>): Promise<T>;
  /** Gives the process its own time and randomness back. What still waits will wait for ever. */
  end(): void;
}

const defaultStart = Date.UTC(2026, 0, 5, 9);

let isRunning = false;

/**
 * Replaces the process's timers, `Date` and `Math.random`, for one world at a
 * time. Everything else stays real: `performance`, `nextTick`,
 * `queueMicrotask`, `setImmediate`.
 *
 * Between two timers the loop turns until no real work is in flight. Else time
 * would run away: while 8 MB are compressed, timers fire by the thousand.
 *
 * @throws when another virtual time runs already
 */
export const startVirtualTime = (options: VirtualTimeOptions): VirtualTime => {
  if (isRunning) throw new Error("this process lives in virtual time already");
  const startedAt = options.startAt ?? defaultStart;
  const patience = options.patience ?? 30_000;
  const realWork = watchRealWork();
  const realRandom = Math.random;
  const fake = install({
    now: startedAt,
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"],
  });
  const putBack = takeLongSpans();
  Math.random = seeded(options.seed);
  isRunning = true;

  let held = 0;
  const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

  /** Turns the loop until everything that could happen at this moment has happened. */
  const settle = async (): Promise<void> => {
    const began = performance.now();
    for (;;) {
      await turn();
      const inFlight = held > 0 ? ["held"] : realWork.inFlight();
      if (inFlight.length === 0) return;
      if (performance.now() - began > patience)
        throw new Error(
          `virtual time stands still: ${inFlight.join(", ")} in flight for ${patience} ms`,
        );
    }
  };

  const runUntil = async (condition: () => boolean, within?: number): Promise<boolean> => {
    let isOver = false;
    const end = within === undefined ? undefined : setTimeout(() => (isOver = true), within);
    try {
      for (;;) {
        await settle();
        if (condition()) return true;
        if (isOver || fake.countTimers() === 0) return false;
        fake.next();
      }
    } finally {
      clearTimeout(end);
    }
  };

  return {
    clock: systemClock,
    startedAt,
    runUntil,
    runUntilIdle: async () => void (await runUntil(() => false)),
    pass: async (milliseconds) => void (await runUntil(() => false, milliseconds)),
    hold: async (work) => {
      held += 1;
      try {
        return await work;
      } finally {
        held -= 1;
      }
    },
    end: () => {
      putBack();
      fake.uninstall();
      Math.random = realRandom;
      realWork.close();
      isRunning = false;
    },
  };
};
