/**
 * Time as the handlers and the embedded world see it. Everything that asks for
 * the time or waits takes a `Clock`, so that the same code runs in real and in
 * virtual time.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;

  /**
   * Waits.
   *
   * @param milliseconds - how long; 0 or less yields once
   * @param signal - ends the wait early; the promise then rejects with the signal's reason
   */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/**
 * The clock of the process. It looks the global timers up at each call: in the
 * embedded world they are the virtual ones. (`timers/promises` and
 * `AbortSignal.timeout` never fire there, so nothing may use them.)
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const abort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        },
        Math.max(0, milliseconds),
      );
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    }),
};

/**
 * A signal that aborts after a time, with a way to disarm it.
 *
 * @param milliseconds - until it aborts, with a `TimeoutError` as the reason
 */
export const abortAfter = (
  clock: Clock,
  milliseconds: number,
): { signal: AbortSignal; cancel: () => void } => {
  const timeout = new AbortController();
  const disarm = new AbortController();
  clock.sleep(milliseconds, disarm.signal).then(
    () => timeout.abort(new DOMException(`no answer within ${milliseconds} ms`, "TimeoutError")),
    () => undefined,
  );
  return { signal: timeout.signal, cancel: () => disarm.abort() };
};
