import type { HttpHandler } from "@smithy/protocol-http";
import { type Clock, systemClock } from "../lambdas/runtime/clock.ts";

/** What a command may touch besides its output. */
export interface Outside {
  readonly clock: Clock;
  /** Carries the calls to AWS; by default the SDK's own handler. */
  readonly awsHandler?: HttpHandler | undefined;
}

export const realOutside: Outside = { clock: systemClock };
