import { startVirtualTime, type VirtualTime } from "../../../rehearsal/clock/virtual-time.ts";
import { createAgenda } from "../../../rehearsal/agenda.ts";
import { type BusEvent, createBus } from "../../../rehearsal/emulators/event-bridge/bus.ts";
import { createStepFunctions } from "../../../rehearsal/emulators/step-functions.ts";
import { createEngine, type TaskCall } from "../../../rehearsal/engine/engine.ts";
import { seeded } from "../../../rehearsal/random.ts";

export const machineArn = "arn:aws:states:eu-west-1:123456789012:stateMachine:retire";
export const functionArn = "arn:aws:lambda:eu-west-1:123456789012:function:find:1";

export const taskState = (changed: Record<string, unknown> = {}) => ({
  Type: "Task",
  Resource: functionArn,
  TimeoutSeconds: 60,
  End: true,
  ...changed,
});

/** One state machine under an emulated Step Functions, with a bus, in virtual time. */
export const runMachine = async (
  definition: Record<string, unknown>,
  options: {
    readonly input?: unknown;
    readonly invoke?: (call: TaskCall) => Promise<unknown>;
    /** Stops the execution after so many milliseconds. */
    readonly stopAfter?: number;
    /** Milliseconds after which the test looks; by default when nothing is left to happen. */
    readonly until?: number;
  } = {},
) => {
  const time: VirtualTime = startVirtualTime({ seed: 1 });
  try {
    const { clock } = time;
    const calls: TaskCall[] = [];
    const engine = createEngine({
      clock,
      invoke: async (call) => {
        calls.push(call);
        return options.invoke?.(call);
      },
    });
    engine.define(machineArn, JSON.stringify(definition));
    const agenda = createAgenda(clock);
    const random = seeded(1);
    const bus = createBus({ agenda, now: () => clock.now(), random });
    const changes: BusEvent[] = [];
    bus.addRule({
      name: "changes",
      pattern: { "detail-type": ["Step Functions Execution Status Change"] },
      targets: [{ id: "test", deliver: (event) => void changes.push(event) }],
    });
    const stepFunctions = createStepFunctions({
      engine,
      clock,
      random,
      publish: (event) => bus.publish(event),
    });
    const call = (operation: string, body: unknown) =>
      stepFunctions.service(
        new Request("https://states.eu-west-1.amazonaws.com/", {
          method: "POST",
          headers: { "x-amz-target": `AWSStepFunctions.${operation}` },
          body: JSON.stringify(body),
        }),
      );
    await call("StartExecution", {
      stateMachineArn: machineArn,
      name: "one",
      input: JSON.stringify(options.input ?? {}),
    });
    const [execution] = stepFunctions.executions();
    if (execution === undefined) throw new Error("nothing was started");
    if (options.stopAfter !== undefined) {
      await time.pass(options.stopAfter);
      await call("StopExecution", { executionArn: execution.executionArn, error: "By.Hand" });
    }
    if (options.until === undefined) await time.runUntilIdle();
    else await time.pass(options.until);
    const run = engine.runs.get(execution.executionArn);
    if (run === undefined) throw new Error("the engine knows nothing of it");
    return { execution, run, calls, changes, startedAt: time.startedAt };
  } finally {
    time.end();
  }
};
