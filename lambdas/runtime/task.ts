import middy from "@middy/core";
import type { Logger } from "@aws-lambda-powertools/logger";
import type { Context } from "aws-lambda";
import * as v from "valibot";
import { ClusterFailure } from "../clients/cluster-api.ts";
import { ClusterUnavailable, InputRefused } from "./errors.ts";
import { type Log, lineLogger } from "./logger.ts";
import { embeddedMetrics, type Metrics } from "./metrics.ts";
import { describeIssues } from "./settings.ts";
import { lambdaSurroundings, type Surroundings } from "./surroundings.ts";

/** What a handler uses of Lambda's context. */
export type TaskContext = Pick<Context, "getRemainingTimeInMillis" | "awsRequestId">;

export type TaskHandler = (event: unknown, context: TaskContext) => Promise<unknown>;

/** What a task is given beside its input. */
export interface Call {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Milliseconds until Lambda ends this call. */
  readonly remaining: () => number;
}

/** What every line of the log says of the retirement that it belongs to. */
const marksOf = (event: unknown): Record<string, string> => {
  const marks: Record<string, string> = {};
  const take = (from: unknown, keys: Record<string, string>) => {
    if (typeof from !== "object" || from === null) return;
    for (const [key, name] of Object.entries(keys)) {
      const value = (from as Record<string, unknown>)[key];
      if (typeof value === "string") marks[name] = value;
    }
  };
  const keys = { instanceId: "instance", pool: "pool", execution: "execution" };
  const outer = (event ?? {}) as Record<string, unknown>;
  const state = (outer["retirement"] ?? outer) as Record<string, unknown>;
  take(outer["detail"], { EC2InstanceId: "instance" });
  take(outer["input"], keys);
  take(outer, keys);
  take(state, keys);
  take(state["node"], { id: "node" });
  return marks;
};

/** Counts what a person has to hear of when it lasts. */
export const reportFailure = (metrics: Metrics, pool: string, failure: ClusterFailure): void => {
  if (failure.kind === "unreachable")
    metrics.report(pool, { [`${failure.service}Unreachable`]: 1 });
  if (failure.kind === "refused") metrics.report(pool, { [`${failure.service}Refused`]: 1 });
};

const isPassing = (error: unknown): error is ClusterFailure =>
  error instanceof ClusterFailure && ["unreachable", "refused", "busy"].includes(error.kind);

const logWith = (logger: Logger): middy.MiddlewareObj<unknown, unknown> => ({
  before: ({ event, context }) => {
    logger.resetKeys();
    logger.appendKeys({ ...marksOf(event), request: context.awsRequestId });
  },
  onError: ({ error }) => {
    logger.error("the task failed", error ?? new Error("without an error"));
  },
});

/**
 * A handler: the event is checked, every line of the log says whom it is about,
 * and an error leaves under its own name, for Retry and Catch to tell apart.
 *
 * @throws InputRefused with every problem of the event at once
 */
export const task = <Schema extends v.GenericSchema>(
  surroundings: Surroundings,
  schema: Schema,
  run: (input: v.InferOutput<Schema>, call: Call) => Promise<unknown>,
): TaskHandler => {
  const cluster = surroundings.env["DROVER_CLUSTER"] ?? "unknown";
  const logger = lineLogger(cluster, surroundings.write);
  const metrics = embeddedMetrics(cluster, surroundings.clock, surroundings.write);
  const handle = async (event: unknown, context: Context): Promise<unknown> => {
    const parsed = v.safeParse(schema, event);
    if (!parsed.success) throw new InputRefused(describeIssues(parsed.issues));
    try {
      return await run(parsed.output, {
        log: logger,
        metrics,
        remaining: () => context.getRemainingTimeInMillis(),
      });
    } catch (error) {
      if (!isPassing(error)) throw error;
      reportFailure(metrics, marksOf(event)["pool"] ?? "unknown", error);
      throw new ClusterUnavailable(error.message, { cause: error });
    }
  };
  // Middy's own time limit would use the process's timers instead of the clock,
  // and Lambda ends the call anyway.
  const handler = middy<unknown, unknown>(handle, { timeoutEarlyInMillis: 0 }).use(logWith(logger));
  return (event, context) => handler(event, context as Context);
};

/** The handler of the real function: made at the first event, with what Lambda gives. */
export const wired = (create: (surroundings: Surroundings) => TaskHandler): TaskHandler => {
  let handler: TaskHandler | undefined;
  return (event, context) => (handler ??= create(lambdaSurroundings()))(event, context);
};
