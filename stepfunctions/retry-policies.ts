import { Duration } from "aws-cdk-lib";
import { Errors, JitterType, type RetryProps } from "aws-cdk-lib/aws-stepfunctions";
import { ClusterUnavailable, refusals, StillRemembered } from "../lambdas/runtime/errors.ts";

/**
 * Every handler can run twice: what it changes is conditional or idempotent. So
 * everything is retried, except what would be refused again.
 *
 * Full jitter takes a random part of each delay, so that the sums below are
 * upper bounds. Retries are billed as transitions.
 */
const notAgain: RetryProps = {
  // What is refused stays refused; what Nomad cannot do now, or does not forget, has a
  // loop of its own.
  errors: [...refusals, ClusterUnavailable.errorName, StillRemembered.errorName],
  maxAttempts: 0,
};

/**
 * What Lambda itself cannot do now: throttled, short of addresses, waking up a
 * function that was idle for two weeks, or a call that died in the middle. It
 * passes without our doing, and must decide no hook before. No jitter: the sum
 * 3+6+12+24+48+60×23 s is to be 24½ minutes, less than a hook's heartbeat of
 * 1,728 s, since none is sent meanwhile.
 */
const lambdaFaults: RetryProps = {
  errors: [
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ResourceNotReadyException",
    "Lambda.EC2ThrottledException",
    "Lambda.ENILimitReachedException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    Errors.TIMEOUT,
  ],
  interval: Duration.seconds(3),
  backoffRate: 2,
  maxAttempts: 28,
  maxDelay: Duration.seconds(60),
};

const everythingElse = {
  errors: [Errors.ALL],
  interval: Duration.seconds(2),
  backoffRate: 2,
  jitterStrategy: JitterType.FULL,
};

/**
 * For tasks whose failure another path can still mend. What is neither of the
 * above is an error of ours or of an AWS service: 2+4+8+16+32+60+60+60 s, four
 * minutes.
 */
export const standardRetries: readonly RetryProps[] = [
  notAgain,
  lambdaFaults,
  { ...everythingElse, maxAttempts: 8, maxDelay: Duration.seconds(60) },
];

/**
 * For tasks that nothing comes after, or that decide the hook: an outage of an
 * AWS service must pass before the execution gives up.
 * 2+4+8+16+32+64+34×120 s, about 70 minutes.
 */
export const patientRetries: readonly RetryProps[] = [
  notAgain,
  lambdaFaults,
  { ...everythingElse, maxAttempts: 40, maxDelay: Duration.seconds(120) },
];

/**
 * For machines that hold nothing while they wait, and whose next run looks at
 * everything anew. What does not pass within 75 seconds (5+10+20+40, in which
 * also a function wakes up that was idle for two weeks) is part of the answer.
 * A function that did not answer in its whole time will not the next time.
 */
export const briefRetries: readonly RetryProps[] = [
  { errors: [...refusals, Errors.TIMEOUT, "Sandbox.Timedout"], maxAttempts: 0 },
  { errors: [Errors.ALL], interval: Duration.seconds(5), backoffRate: 2, maxAttempts: 4 },
];

/** A call that stood still until its time was over. */
export const callTimeouts: string[] = ["Sandbox.Timedout", Errors.TIMEOUT];

/**
 * For a task that waits for minutes in one call: one that stood still has taken
 * half of a heartbeat's time already, so that it is not tried again in its
 * place: the hook gets its heartbeat first.
 */
export const roundRetries: readonly RetryProps[] = [
  notAgain,
  { errors: callTimeouts, maxAttempts: 0 },
  ...standardRetries.slice(1),
];
