/** What Lambda answers when a function has failed. */
export interface FailurePayload {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

/**
 * An error as Step Functions sees it: its name is what Retry and Catch compare,
 * its message is the Cause.
 *
 * Source: AWS Lambda Developer Guide, "Node.js function errors"; AWS Step
 * Functions Developer Guide, "Handling errors": a function's error has the name
 * of its class; a time-out is `Sandbox.Timedout`, and a limit of Lambda's own is
 * `Lambda.TooManyRequestsException`.
 */
export class LambdaFailure extends Error {
  readonly payload: FailurePayload;

  constructor(payload: FailurePayload) {
    super(JSON.stringify(payload));
    this.name = payload.errorType;
    this.payload = payload;
  }

  /** What the runtime makes of whatever a handler threw. */
  static ofThrown(thrown: unknown): LambdaFailure {
    if (!(thrown instanceof Error))
      return new LambdaFailure({
        errorType: typeof thrown,
        errorMessage: String(thrown),
        trace: [],
      });
    return new LambdaFailure({
      errorType: thrown.name,
      errorMessage: thrown.message,
      trace: (thrown.stack ?? "").split("\n"),
    });
  }

  static timedOut(requestId: string, seconds: number): LambdaFailure {
    return new LambdaFailure({
      errorType: "Sandbox.Timedout",
      errorMessage: `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`,
    });
  }

  /** The process of the function ended, as when it runs out of memory. */
  static killed(requestId: string): LambdaFailure {
    return new LambdaFailure({
      errorType: "Runtime.ExitError",
      errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: signal: killed`,
    });
  }

  /** An error of Lambda itself, in which the function may or may not have begun. */
  static ofService(): LambdaFailure {
    return new LambdaFailure({
      errorType: "Lambda.ServiceException",
      errorMessage: "The service encountered an error. (Service: AWSLambda; Status Code: 500)",
    });
  }

  /** The caller may not call the function. @param message - in the words of IAM */
  static denied(message: string): LambdaFailure {
    return new LambdaFailure({
      errorType: "Lambda.AWSLambdaException",
      errorMessage: `${message} (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException)`,
    });
  }

  static throttled(): LambdaFailure {
    return new LambdaFailure({
      errorType: "Lambda.TooManyRequestsException",
      errorMessage: "Rate Exceeded. (Service: AWSLambda; Status Code: 429)",
    });
  }
}
