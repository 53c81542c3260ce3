import {
  ExecutionAbortedError,
  ExecutionTimeoutError,
  type RunOptions,
  StateMachine,
} from "aws-local-stepfunctions";
import type { Clock } from "../../lambdas/runtime/clock.ts";
import type { Engine, Outcome } from "../emulators/step-functions.ts";
import { prepareDefinition, type PreparedDefinition, type TaskOf } from "./definition.ts";

/** One thing that happened in an execution. */
export interface RunEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly type: string;
  readonly state?: string;
  readonly error?: string;
  readonly cause?: string;
}

/** One execution, as the engine sees it. */
export interface Run {
  readonly executionArn: string;
  readonly input: string;
  readonly events: readonly RunEvent[];
  /** As AWS bills them: states that were entered, and retries. */
  readonly transitions: number;
  /** Entries that its history would have. */
  readonly historyEvents: number;
}

/** A Task state that calls its function. */
export interface TaskCall {
  readonly functionArn: string;
  readonly payload: unknown;
  readonly executionArn: string;
  readonly state: string;
}

export interface StateMachineEngine extends Engine {
  /** Takes a state machine in. @throws when its definition is beyond the engine */
  define(stateMachineArn: string, definition: string): void;
  /** Every execution there has been, by its ARN. */
  readonly runs: ReadonlyMap<string, Run>;
  /** Tells of everything that happens from now on, as it happens. @returns stops it */
  watch(listener: Listener): () => void;
}

type Listener = (run: Run, event: RunEvent) => void;

export interface EngineOptions {
  readonly clock: Clock;
  /** Calls a function. @throws LambdaFailure */
  readonly invoke: (call: TaskCall) => Promise<unknown>;
  /** Is told of everything that happens, as it happens. */
  readonly onEvent?: Listener;
}

/** Largest input or output of a state in bytes, and longest history (Step Functions quotas). */
const largestPayload = 262_144;
const longestHistory = 25_000;

/** Ends an execution whatever it may catch: the engine asks errors for these two. */
class Terminal extends Error {
  readonly isRetryable = false;
  readonly isCatchable = false;

  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

const tooLarge = (what: string): Terminal =>
  new Terminal(
    "States.DataLimitExceeded",
    `${what} is larger than the ${largestPayload} bytes that a state may carry`,
  );

const isTooLarge = (value: unknown): boolean => {
  const text = JSON.stringify(value) ?? "";
  // A character has at most three bytes for one unit of UTF-16.
  return text.length * 3 > largestPayload && Buffer.byteLength(text) > largestPayload;
};

interface StartedExecution {
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly name: string;
  readonly input: string;
}

/**
 * Runs synthesized state machines. Start, stop and idempotency belong to the
 * emulated Step Functions above it; this carries the states out, counts what
 * AWS counts, and holds its limits.
 */
export const createEngine = (options: EngineOptions): StateMachineEngine => {
  const machines = new Map<string, PreparedDefinition & { readonly machine: StateMachine }>();
  const runs = new Map<string, Run>();
  const listeners = new Set<Listener>(options.onEvent && [options.onEvent]);
  const tell: Listener = (run, event) => {
    for (const listener of listeners) listener(run, event);
  };

  const start = (execution: StartedExecution) => {
    const known = machines.get(execution.stateMachineArn);
    if (known === undefined) return undefined;
    const run = createRun(execution, known, { ...options, onEvent: tell });
    runs.set(execution.executionArn, run.record);
    return { outcome: run.outcome, stop: run.stop, lastEntered: run.lastEntered };
  };

  return {
    define: (stateMachineArn, text) => {
      const name = stateMachineArn.slice(stateMachineArn.lastIndexOf(":") + 1);
      const prepared = prepareDefinition(name, text);
      // Its own validation knows less than ours, and takes half a second.
      const machine = new StateMachine(prepared.definition, {
        validationOptions: { noValidate: true },
      });
      machines.set(stateMachineArn, { ...prepared, machine });
    },
    start,
    runs,
    watch: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};

const createRun = (
  execution: StartedExecution,
  { machine, tasks }: { readonly machine: StateMachine; readonly tasks: readonly TaskOf[] },
  { clock, invoke, onEvent }: EngineOptions,
) => {
  const events: RunEvent[] = [];
  const record = {
    executionArn: execution.executionArn,
    input: execution.input,
    events,
    transitions: 0,
    historyEvents: 1,
  };
  let last: { readonly name: string; readonly input: unknown; readonly at: number } | undefined;
  let stopped = false;
  let verdict: Terminal | undefined;

  /** What an execution that has ended would still do goes nowhere. */
  const callTask = async (task: TaskOf, input: unknown): Promise<unknown> => {
    if (stopped) throw new Terminal("Stopped", "the execution has ended");
    record.historyEvents += 3;
    if (isTooLarge(input)) throw tooLarge(`the input of the function of ${task.state}`);
    const given = input as { readonly Payload?: unknown };
    const answer = await invoke({
      functionArn: task.functionArn,
      payload: task.wrapped ? given.Payload : input,
      executionArn: execution.executionArn,
      state: task.state,
    });
    if (isTooLarge(answer)) throw tooLarge(`the answer of the function of ${task.state}`);
    return task.wrapped ? { Payload: answer, StatusCode: 200 } : answer;
  };

  const handlers = Object.fromEntries(
    tasks.map((task) => [task.state, (input: unknown) => callTask(task, input)]),
  );
  const startedAt = clock.now();
  const { result, abort, eventLogs } = machine.run(JSON.parse(execution.input), {
    overrides: { taskResourceLocalHandlers: handlers },
    context: {
      Execution: {
        Id: execution.executionArn,
        Name: execution.name,
        StartTime: new Date(startedAt).toISOString(),
      },
      StateMachine: {
        Id: execution.stateMachineArn,
        Name: execution.stateMachineArn.slice(execution.stateMachineArn.lastIndexOf(":") + 1),
      },
    },
  } as RunOptions);

  const fail = (why: Terminal): void => {
    verdict ??= why;
    stopped = true;
    abort();
  };

  const follow = async (): Promise<void> => {
    for await (const event of eventLogs) {
      const entry = {
        at: event.timestamp,
        type: event.type,
        ...("state" in event && { state: event.state.name }),
        ...("Error" in event && { error: event.Error, cause: String(event.Cause) }),
      };
      events.push(entry);
      if (event.type === "StateEntered" || event.type === "StateRetried") record.transitions += 1;
      if (event.type !== "StateFailed") record.historyEvents += 1;
      if (event.type === "StateEntered") last = { ...event.state, at: event.timestamp };
      if (event.type === "StateEntered" && isTooLarge(event.state.input))
        fail(tooLarge(`the input of ${event.state.name}`));
      if (record.historyEvents > longestHistory)
        fail(
          new Terminal(
            "States.Runtime",
            `The execution reached the maximum number of history events (${longestHistory}).`,
          ),
        );
      onEvent?.(record, entry);
    }
  };
  void follow();

  const conclude = async (): Promise<Outcome> => {
    try {
      const output = await result;
      if (isTooLarge(output)) throw tooLarge("the output of the execution");
      return { status: "SUCCEEDED", output: JSON.stringify(output) };
    } catch (error) {
      if (verdict !== undefined) return failed(verdict);
      if (error instanceof ExecutionAbortedError) return { status: "ABORTED" };
      if (error instanceof ExecutionTimeoutError)
        return { status: "TIMED_OUT", error: "States.Timeout" };
      return failed(error instanceof Error ? (error.cause ?? error) : error);
    } finally {
      stopped = true;
    }
  };

  return {
    record,
    outcome: conclude(),
    lastEntered: () => last,
    stop: () => {
      stopped = true;
      abort();
    },
  };
};

const failed = (error: unknown): Outcome =>
  error instanceof Error
    ? { status: "FAILED", error: error.name, cause: error.message }
    : { status: "FAILED", error: "States.Runtime", cause: String(error) };
