import { createInterface } from "node:readline/promises";
import type { HttpHandler } from "@smithy/protocol-http";
import { type Clock, systemClock } from "../lambdas/runtime/clock.ts";

/** What a command may touch besides its output. */
export interface Outside {
  readonly clock: Clock;
  /** Carries the calls to AWS; by default the SDK's own handler. */
  readonly awsHandler?: HttpHandler | undefined;
  /**
   * Asks whoever types the command a question that is answered by yes or no; absent where
   * nobody types.
   *
   * @returns undefined when nobody types it
   */
  readonly confirm?: (question: string) => Promise<boolean | undefined>;
}

const confirm = async (question: string): Promise<boolean | undefined> => {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  // What is asked does not belong to the result, which may be read by a program.
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^\s*y(es)?\s*$/i.test(await lines.question(`${question} [y/N] `));
  } finally {
    lines.close();
  }
};

export const realOutside: Outside = { clock: systemClock, confirm };
