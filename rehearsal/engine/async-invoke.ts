import type { Clock } from "../../lambdas/runtime/clock.ts";

export interface AsyncInvokeOptions {
  readonly clock: Clock;
  /** Attempts after the first, 0 to 2. */
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeSeconds: number;
  readonly invoke: () => Promise<unknown>;
  /** Takes the event when it was given up. */
  readonly giveUp: (error: unknown) => void;
}

/** By which Lambda says that it did not call the function: too many calls, or a fault of its own. */
const refusals: ReadonlySet<string> = new Set([
  "Lambda.TooManyRequestsException",
  "Lambda.ServiceException",
]);

/**
 * Lambda's own queue for events that nobody waits for.
 *
 * Source: AWS Lambda Developer Guide, "How Lambda handles errors and retries
 * with asynchronous invocation": a minute before the second attempt, two before
 * the third; throttled events, and those that Lambda itself failed with, go back
 * to the queue, from one second up to five minutes, for as long as they may be old.
 */
export const invokeAsync = async (options: AsyncInvokeOptions): Promise<void> => {
  const { clock } = options;
  const lastMoment = clock.now() + options.maximumEventAgeSeconds * 1000;
  let failures = 0;
  let throttles = 0;
  for (;;) {
    try {
      await options.invoke();
      return;
    } catch (error) {
      const isRefused = error instanceof Error && refusals.has(error.name);
      if (isRefused) throttles += 1;
      else failures += 1;
      const wait = isRefused
        ? Math.min(300_000, 1000 * 2 ** Math.min(throttles - 1, 20))
        : failures * 60_000;
      if (failures > options.maximumRetryAttempts || clock.now() + wait > lastMoment) {
        options.giveUp(error);
        return;
      }
      await clock.sleep(wait);
    }
  }
};
