import { Duration } from "aws-cdk-lib";
import { Errors, JitterType, type RetryProps } from "aws-cdk-lib/aws-stepfunctions";
import { ClusterUnavailable, refusals } from "../lambdas/runtime/errors.ts";

/**
 * Every handler can run twice: what it changes is conditional or idempotent. So
 * everything is retried, except what would be refused again.
 *
 * Full jitter takes a random part of each delay, so that the sums below are
 * upper bounds. Retries are billed as transitions.
 */
const notAgain: RetryProps = {
  // What is refused stays refused; what Nomad cannot do now has a loop of its own.
  errors: [...refusals, ClusterUnavailable.errorName],
  maxAttempts: 0,
};

const everythingElse = {
  errors: [Errors.ALL],
  interval: Duration.seconds(2),
  backoffRate: 2,
  jitterStrategy: JitterType.FULL,
};

/**
 * For tasks whose failure another path can still mend:
 * 2+4+8+16+32+60+60+60 s, four minutes.
 */
export const standardRetries: readonly RetryProps[] = [
  notAgain,
  { ...everythingElse, maxAttempts: 8, maxDelay: Duration.seconds(60) },
];

/**
 * For tasks that nothing comes after, or that decide the hook: an outage of an
 * AWS service must pass before the execution gives up.
 * 2+4+8+16+32+64+34×120 s, about 70 minutes.
 */
export const patientRetries: readonly RetryProps[] = [
  notAgain,
  { ...everythingElse, maxAttempts: 40, maxDelay: Duration.seconds(120) },
];
