import type { Clock } from "../../lambdas/runtime/clock.ts";
import type { Surroundings } from "../../lambdas/runtime/surroundings.ts";
import type { TaskContext, TaskHandler } from "../../lambdas/runtime/task.ts";
import { between, type Random, uuid } from "../random.ts";
import { LambdaFailure } from "./lambda-failure.ts";

/** A function (or a version of one) of the template. */
export interface FunctionSpec {
  readonly arn: string;
  readonly name: string;
  /** Path of its handler below `lambdas/`. */
  readonly task: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
}

/** Whom a call is about, for those who count calls. */
export interface Subject {
  readonly executionArn?: string | undefined;
  readonly instanceId?: string | undefined;
  /** Name of the Task state that calls; undefined for a call by an event. */
  readonly state?: string | undefined;
}

/** One sandbox of Lambda: it keeps what its handler keeps, and works on one event at a time. */
export interface Container {
  readonly id: string;
  readonly spec: FunctionSpec;
  /** False once it was killed or timed out: whatever its code still does goes nowhere. */
  readonly alive: boolean;
  /** Whether it is working on a call. */
  readonly busy: boolean;
  /** Of the call that it is working on; of the last one in between. */
  readonly subject: Subject;
}

export interface ContainersOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Gives the module of a task. */
  readonly load: (task: string) => {
    readonly createHandler: (surroundings: Surroundings) => TaskHandler;
  };
  /** Everything outside of a container, which may ask who calls. */
  readonly surround: (container: Container) => Surroundings;
  readonly faults?: Partial<ContainerFaults>;
}

/** Spans are milliseconds. */
export interface ContainerFaults {
  /** How long a new container takes until its handler runs. */
  readonly coldStart: readonly [number, number];
  /** What Lambda and Step Functions take around each call. */
  readonly overhead: readonly [number, number];
  /** Calls that run at the same time; more are throttled. */
  readonly concurrency: number;
  /** How long an idle container is kept. */
  readonly keepIdle: number;
  /** Says why Lambda takes no call now; undefined: it does. */
  readonly refuse: (spec: FunctionSpec, subject: Subject) => LambdaFailure | undefined;
}

/** A call that a container took, as Lambda bills it. */
export interface Invocation {
  readonly task: string;
  readonly subject: Subject;
  /** From the start of the container, if it was new, to the end of the call, however it ended. */
  readonly billedMilliseconds: number;
}

export interface Containers {
  define(spec: FunctionSpec): void;
  /** Calls a function. @throws LambdaFailure */
  invoke(arn: string, payload: unknown, subject: Subject): Promise<unknown>;
  /** Ends containers, in the middle of their work too. @returns how many */
  kill(which: (container: Container) => boolean): number;
  setFaults(faults: Partial<ContainerFaults>): void;
  /** Calls that were made so far, cold ones among them. */
  readonly counts: { readonly calls: number; readonly coldStarts: number };
  /** Those that are over, in the order of their ends. */
  readonly invocations: readonly Invocation[];
}

interface Sandbox extends Container {
  alive: boolean;
  busy: boolean;
  subject: Subject;
  handler: TaskHandler | undefined;
  idleSince: number;
  /** Ends the call that is under way. */
  abort: ((failure: LambdaFailure) => void) | undefined;
  /** Takes the time-out away of the call that is under way. */
  disarm: AbortController | undefined;
  requestId: string;
}

/**
 * The containers of all functions. The newest idle one takes the next event, as
 * on Lambda, so that few stay warm under little load.
 */
export const createContainers = (options: ContainersOptions): Containers => {
  const { clock, random } = options;
  const specs = new Map<string, FunctionSpec>();
  const idle = new Map<string, Sandbox[]>();
  const busy = new Set<Sandbox>();
  const counts = { calls: 0, coldStarts: 0 };
  const invocations: Invocation[] = [];
  let faults: ContainerFaults = {
    coldStart: [250, 700],
    overhead: [10, 40],
    concurrency: 1000,
    keepIdle: 600_000,
    refuse: () => undefined,
    ...options.faults,
  };

  const take = (spec: FunctionSpec): Sandbox => {
    const oldest = clock.now() - faults.keepIdle;
    const kept = (idle.get(spec.arn) ?? []).filter((each) => each.idleSince >= oldest);
    const warm = kept.pop();
    idle.set(spec.arn, kept);
    if (warm !== undefined) return warm;
    counts.coldStarts += 1;
    return {
      id: `${spec.name}/${counts.coldStarts}`,
      spec,
      alive: true,
      busy: false,
      subject: {},
      handler: undefined,
      idleSince: 0,
      abort: undefined,
      disarm: undefined,
      requestId: "",
    };
  };

  const end = (sandbox: Sandbox, failure: LambdaFailure): void => {
    sandbox.alive = false;
    sandbox.disarm?.abort("ended");
    sandbox.abort?.(failure);
  };

  const run = async (sandbox: Sandbox, payload: unknown): Promise<unknown> => {
    const { spec } = sandbox;
    if (sandbox.handler === undefined) {
      await clock.sleep(between(random, faults.coldStart));
      sandbox.handler = options.load(spec.task).createHandler(options.surround(sandbox));
    }
    await clock.sleep(between(random, faults.overhead));
    const deadline = clock.now() + spec.timeoutSeconds * 1000;
    const context: TaskContext = {
      awsRequestId: sandbox.requestId,
      getRemainingTimeInMillis: () => Math.max(0, deadline - clock.now()),
    };
    const disarm = new AbortController();
    sandbox.disarm = disarm;
    void clock.sleep(spec.timeoutSeconds * 1000, disarm.signal).then(
      () => end(sandbox, LambdaFailure.timedOut(sandbox.requestId, spec.timeoutSeconds)),
      () => undefined,
    );
    try {
      // The event is the function's own: what it changes in it changes nothing outside.
      const answer = await sandbox.handler(structuredCloneOfJson(payload), context);
      return structuredCloneOfJson(answer ?? null);
    } catch (error) {
      throw LambdaFailure.ofThrown(error);
    } finally {
      // With a reason of its own, since the default one costs a stack trace.
      disarm.abort("answered");
    }
  };

  return {
    counts,
    invocations,
    define: (spec) => void specs.set(spec.arn, spec),
    setFaults: (changed) => {
      faults = { ...faults, ...changed };
    },
    invoke: async (arn, payload, subject) => {
      const spec = specs.get(arn);
      if (spec === undefined) throw new Error(`there is no function ${arn}`);
      counts.calls += 1;
      if (busy.size >= faults.concurrency) throw LambdaFailure.throttled();
      const refusal = faults.refuse(spec, subject);
      if (refusal !== undefined) throw refusal;
      const sandbox = take(spec);
      sandbox.busy = true;
      sandbox.subject = subject;
      sandbox.requestId = uuid(random);
      busy.add(sandbox);
      const began = clock.now();
      try {
        const aborted = new Promise<never>((_, reject) => (sandbox.abort = reject));
        return await Promise.race([run(sandbox, payload), aborted]);
      } finally {
        // The pause around a call is counted too, as if all of it were the function's: some ms.
        invocations.push({
          task: spec.task,
          subject,
          billedMilliseconds: clock.now() - began,
        });
        sandbox.abort = undefined;
        sandbox.busy = false;
        busy.delete(sandbox);
        if (sandbox.alive) {
          sandbox.idleSince = clock.now();
          idle.get(spec.arn)?.push(sandbox);
        }
      }
    },
    kill: (which) => {
      const victims = [...busy, ...[...idle.values()].flat()].filter(which);
      for (const [arn, sandboxes] of idle)
        idle.set(
          arn,
          sandboxes.filter((each) => !victims.includes(each)),
        );
      for (const victim of victims) end(victim, LambdaFailure.killed(victim.requestId));
      return victims.length;
    },
  };
};

const structuredCloneOfJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
