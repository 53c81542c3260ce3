import { type Clock, systemClock } from "../../lambdas/runtime/clock.ts";
import { startVirtualTime } from "./virtual-time.ts";

/** How a rehearsal lets time go by: the same scenario runs in virtual and in real time. */
export interface Pace {
  readonly clock: Clock;
  readonly isVirtual: boolean;
  /**
   * Lets time go by until something is so.
   *
   * @returns false when it is not so within a span of milliseconds
   */
  until(holds: () => boolean, withinMilliseconds: number): Promise<boolean>;
  /**
   * Lets time go by until a promise is settled.
   *
   * @throws what it rejects with, or when nothing is left that could settle it
   */
  await<T>(promise: Promise<T>): Promise<T>;
  end(): void;
}

/** Time that passes as fast as the machine can. One at a time in a process. */
export const virtualPace = (seed: number): Pace => {
  const time = startVirtualTime({ seed });
  return {
    clock: time.clock,
    isVirtual: true,
    until: (holds, within) => time.runUntil(holds, within),
    await: async (promise) => {
      let isSettled = false;
      const settle = () => void (isSettled = true);
      promise.then(settle, settle);
      if (!(await time.runUntil(() => isSettled)))
        throw new Error("nothing is left to happen, and the rehearsal still waits");
      return promise;
    },
    end: () => time.end(),
  };
};

/** Time as it is. */
export const realPace = (): Pace => ({
  clock: systemClock,
  isVirtual: false,
  until: async (holds, within) => {
    const last = systemClock.now() + within;
    while (!holds()) {
      if (systemClock.now() > last) return false;
      await systemClock.sleep(100);
    }
    return true;
  },
  await: (promise) => promise,
  end: () => undefined,
});
