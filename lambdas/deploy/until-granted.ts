import type { Clock } from "../runtime/clock.ts";

/** The grants of a role that was made a moment ago may not have arrived everywhere. */
const grantSeconds = 60;
const pauseSeconds = 5;

/** What has no body says no more than 403, such as S3's answer to HEAD. */
const isDenied = (error: unknown): boolean =>
  error instanceof Error &&
  (/^AccessDenied(Exception)?$/.test(error.name) ||
    ("$metadata" in error &&
      (error.$metadata as { readonly httpStatusCode?: number }).httpStatusCode === 403));

/**
 * Does some work again for a while, as long as AWS denies it.
 *
 * @param work - has to be the same when it is done again
 */
export const untilGranted = async <T>(clock: Clock, work: () => Promise<T>): Promise<T> => {
  const end = clock.now() + grantSeconds * 1000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isDenied(error) || clock.now() >= end) throw error;
      await clock.sleep(pauseSeconds * 1000);
    }
  }
};
