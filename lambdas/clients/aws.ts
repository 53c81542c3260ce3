import type { HttpHandler } from "@smithy/protocol-http";
import type { Surroundings } from "../runtime/surroundings.ts";

export interface AwsClientOptions {
  readonly region: string | undefined;
  readonly maxAttempts: number;
  /** By default the SDK's own, which may be told how many milliseconds it waits. */
  readonly requestHandler?:
    | HttpHandler
    | { readonly connectionTimeout: number; readonly socketTimeout: number };
}

/**
 * What every AWS client is made with. Few attempts: the state machine retries
 * with longer pauses than a function could afford to wait.
 */
export const awsClientOptions = ({ env, awsHandler }: Surroundings): AwsClientOptions => ({
  region: env["AWS_REGION"],
  maxAttempts: 3,
  ...(awsHandler && { requestHandler: awsHandler }),
});
