import * as v from "valibot";

import type { Clock } from "../../lambdas/runtime/clock.ts";
import type { Random } from "../random.ts";
import { uuid } from "../random.ts";
import { AwsError, operation, serveAwsJson } from "./aws-json.ts";
import type { Service } from "./service.ts";

export type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

/** How an execution ended. */
export type Outcome =
  | { readonly status: "SUCCEEDED"; readonly output: string }
  | {
      readonly status: "FAILED" | "TIMED_OUT" | "ABORTED";
      readonly error?: string | undefined;
      readonly cause?: string | undefined;
    };

/** The state that an execution came to last. */
export interface LastEntered {
  readonly name: string;
  readonly input: unknown;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What runs the state machines. */
export interface Engine {
  /**
   * Begins an execution.
   *
   * @param execution - its ARNs without a version or alias, its name and input (JSON)
   * @returns its outcome, a way to stop it (the outcome is then of no interest),
   *   and what its last state was entered with; undefined when there is no such state machine
   */
  start(execution: Pick<Execution, "executionArn" | "stateMachineArn" | "name" | "input">):
    | {
        readonly outcome: Promise<Outcome>;
        readonly stop: () => void;
        readonly lastEntered?: () => LastEntered | undefined;
      }
    | undefined;
}

/** An execution as it is recorded. Times are milliseconds since the epoch. */
export interface Execution {
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly name: string;
  readonly input: string;
  readonly startedAt: number;
  status: ExecutionStatus;
  stoppedAt?: number;
  output?: string;
  error?: string | undefined;
  cause?: string | undefined;
}

export interface StepFunctions {
  readonly service: Service;
  /** Starts an execution as a rule of EventBridge does, which names it itself. */
  startFor(stateMachineArn: string, event: unknown): Execution;
  /** Every execution there has been, oldest first. */
  executions(): readonly Execution[];
}

/** The status-change event, in the shape of "EventBridge: Step Functions execution status change". */
const describeChange = (
  execution: Execution,
  id: string,
  region: string,
  account: string,
  now: number,
) => ({
  version: "0",
  id,
  "detail-type": "Step Functions Execution Status Change",
  source: "aws.states",
  account,
  time: new Date(now).toISOString().replace(/\.\d+Z$/, "Z"),
  region,
  resources: [execution.executionArn],
  detail: {
    executionArn: execution.executionArn,
    stateMachineArn: execution.stateMachineArn,
    name: execution.name,
    status: execution.status,
    startDate: execution.startedAt,
    stopDate: execution.stoppedAt ?? null,
    input: execution.input,
    output: execution.output ?? null,
    inputDetails: { included: true },
    outputDetails: execution.output === undefined ? null : { included: true },
    error: execution.error ?? null,
    cause: execution.cause ?? null,
  },
});

/** A state machine's ARN without the version or alias. */
const unqualified = (stateMachineArn: string): string =>
  /^arn:[^:]*:states:[^:]*:[^:]*:stateMachine:[^:]+/.exec(stateMachineArn)?.[0] ?? stateMachineArn;

/**
 * Emulates the control side of Step Functions over an engine.
 *
 * Source: AWS Step Functions API Reference, StartExecution: the same name and
 * input while the execution runs answers with that execution; a closed
 * execution's name, or another input, is `ExecutionAlreadyExists`; names have 1
 * to 80 characters. A name is free again after 90 days.
 */
export const createStepFunctions = ({
  engine,
  clock,
  random,
  publish = () => undefined,
  machines = () => [],
  region = "eu-west-1",
  account = "123456789012",
}: {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  /** Takes the status-change events of the executions. */
  readonly publish?: (event: ReturnType<typeof describeChange>) => void;
  /** ARNs of the state machines that there are. */
  readonly machines?: () => readonly string[];
  readonly region?: string;
  readonly account?: string;
}): StepFunctions => {
  const executions = new Map<string, Execution>();
  const past: Execution[] = [];
  const stops = new Map<string, () => void>();
  const lastEntered = new Map<string, () => LastEntered | undefined>();

  const announce = (execution: Execution) =>
    publish(describeChange(execution, uuid(random), region, account, clock.now()));

  const close = (execution: Execution, outcome: Outcome) => {
    if (execution.status !== "RUNNING") return;
    Object.assign(execution, outcome, { stoppedAt: clock.now() });
    stops.delete(execution.executionArn);
    announce(execution);
  };

  const begin = (givenArn: string, name: string, input: string): Execution => {
    const stateMachineArn = unqualified(givenArn);
    const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
    const earlier = executions.get(executionArn);
    const nameIsFree =
      earlier?.stoppedAt !== undefined && clock.now() - earlier.stoppedAt > 90 * 86_400_000;
    if (earlier !== undefined && !nameIsFree) {
      if (earlier.status === "RUNNING" && earlier.input === input) return earlier;
      throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${executionArn}'`);
    }
    const run = engine.start({ executionArn, stateMachineArn, name, input });
    if (run === undefined)
      throw new AwsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${givenArn}'`);
    const execution: Execution = {
      executionArn,
      stateMachineArn,
      name,
      input,
      startedAt: clock.now(),
      status: "RUNNING",
    };
    executions.set(executionArn, execution);
    past.push(execution);
    stops.set(executionArn, run.stop);
    if (run.lastEntered) lastEntered.set(executionArn, run.lastEntered);
    announce(execution);
    run.outcome.then(
      (ended) => close(execution, ended),
      (error: unknown) =>
        close(execution, { status: "FAILED", error: "States.Runtime", cause: String(error) }),
    );
    return execution;
  };

  const find = (executionArn: string): Execution => {
    const execution = executions.get(executionArn);
    if (execution === undefined)
      throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${executionArn}'`);
    return execution;
  };

  const describe = (execution: Execution) => ({
    executionArn: execution.executionArn,
    stateMachineArn: execution.stateMachineArn,
    name: execution.name,
    status: execution.status,
    startDate: execution.startedAt / 1000,
    ...(execution.stoppedAt === undefined ? {} : { stopDate: execution.stoppedAt / 1000 }),
  });

  const service = serveAwsJson("AWSStepFunctions", "1.0", {
    StartExecution: operation(
      v.strictObject({
        stateMachineArn: v.string(),
        name: v.optional(v.string()),
        input: v.optional(v.string(), "{}"),
      }),
      ({ stateMachineArn, name = uuid(random), input }) => {
        if (!validName.test(name)) throw new AwsError("InvalidName", `Invalid Name: '${name}'`);
        checkInput(input);
        const { executionArn, startedAt } = begin(stateMachineArn, name, input);
        return { executionArn, startDate: startedAt / 1000 };
      },
    ),
    DescribeExecution: operation(
      v.strictObject({ executionArn: v.string() }),
      ({ executionArn }) => {
        const execution = find(executionArn);
        const { input, output, error, cause } = execution;
        return { ...describe(execution), input, output, error, cause };
      },
    ),
    /** Newest first, and no further than the last state: a page may hold less than it could. */
    GetExecutionHistory: operation(
      v.strictObject({
        executionArn: v.string(),
        reverseOrder: v.literal(true),
        maxResults: v.optional(v.number()),
        includeExecutionData: v.optional(v.literal(true), true),
      }),
      ({ executionArn }) => {
        const { status, stoppedAt, startedAt } = find(executionArn);
        const last = lastEntered.get(executionArn)?.();
        const end = { timestamp: (stoppedAt ?? startedAt) / 1000, id: 3 };
        return {
          events: [
            ...(endings[status] ? [{ ...end, type: endings[status] }] : []),
            ...(last
              ? [
                  {
                    timestamp: last.at / 1000,
                    type: "TaskStateEntered",
                    id: 2,
                    stateEnteredEventDetails: {
                      name: last.name,
                      input: JSON.stringify(last.input),
                      inputDetails: { truncated: false },
                    },
                  },
                ]
              : []),
          ],
        };
      },
    ),
    StopExecution: operation(
      v.strictObject({
        executionArn: v.string(),
        error: v.optional(v.string()),
        cause: v.optional(v.string()),
      }),
      ({ executionArn, error, cause }) => {
        const execution = find(executionArn);
        stops.get(executionArn)?.();
        close(execution, { status: "ABORTED", error, cause });
        return { stopDate: (execution.stoppedAt ?? clock.now()) / 1000 };
      },
    ),
    ListStateMachines: operation(
      v.strictObject({
        maxResults: v.optional(v.number(), 100),
        nextToken: v.optional(v.string(), "0"),
      }),
      ({ maxResults, nextToken }) => {
        const arns = machines();
        const from = Number(nextToken);
        const until = from + (maxResults === 0 ? 100 : maxResults);
        return {
          stateMachines: arns.slice(from, until).map((stateMachineArn) => ({
            stateMachineArn,
            name: stateMachineArn.slice(stateMachineArn.lastIndexOf(":") + 1),
            type: "STANDARD",
            creationDate: 0,
          })),
          ...(until < arns.length ? { nextToken: String(until) } : {}),
        };
      },
    ),
    ListExecutions: operation(
      v.strictObject({
        stateMachineArn: v.string(),
        statusFilter: v.optional(v.string()),
        maxResults: v.optional(v.number(), 100),
        nextToken: v.optional(v.string(), "0"),
      }),
      ({ stateMachineArn, statusFilter, maxResults, nextToken }) => {
        const found = past
          .filter((each) => each.stateMachineArn === unqualified(stateMachineArn))
          .filter((each) => statusFilter === undefined || each.status === statusFilter)
          .toReversed();
        const from = Number(nextToken);
        const until = from + (maxResults === 0 ? 100 : maxResults);
        return {
          executions: found.slice(from, until).map(describe),
          ...(until < found.length ? { nextToken: String(until) } : {}),
        };
      },
    ),
  });

  return {
    service,
    startFor: (stateMachineArn, event) =>
      begin(stateMachineArn, `${uuid(random)}_${uuid(random)}`, JSON.stringify(event)),
    executions: () => past,
  };
};

/** The last event of an execution, by how it ended. */
const endings: Readonly<Partial<Record<ExecutionStatus, string>>> = {
  SUCCEEDED: "ExecutionSucceeded",
  FAILED: "ExecutionFailed",
  TIMED_OUT: "ExecutionTimedOut",
  ABORTED: "ExecutionAborted",
};

/**
 * No white space, brackets, wildcards and some others (StartExecution, name).
 * Letters, digits, `-` and `_` alone are what CloudWatch Logs take too.
 */
const validName = /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,80}$/u;

/** Largest input of an execution in bytes (Step Functions quotas: 256 KiB). */
const largestInput = 262_144;

const checkInput = (input: string): void => {
  if (Buffer.byteLength(input) > largestInput)
    throw new AwsError("InvalidExecutionInput", "Invalid Execution Input: longer than 262144");
  try {
    JSON.parse(input);
  } catch (error) {
    throw new AwsError(
      "InvalidExecutionInput",
      `Invalid State Machine Execution Input: '${String(error)}'`,
    );
  }
};
