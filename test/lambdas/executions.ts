import type { Clock } from "../../lambdas/runtime/clock.ts";
import { createStepFunctions, type Outcome } from "../../rehearsal/emulators/step-functions.ts";
import type { Random } from "../../rehearsal/random.ts";

export const machineArn =
  "arn:aws:states:eu-west-1:123456789012:stateMachine:drover-default-retire-node";

export const executionArnOf = (name: string): string =>
  `${machineArn.replace(":stateMachine:", ":execution:")}:${name}`;

/** Step Functions with executions that run until a test ends them. */
export const createExecutions = (clock: Clock, random: Random) => {
  const running = new Map<string, (outcome: Outcome) => void>();
  const stepFunctions = createStepFunctions({
    engine: {
      start: ({ executionArn, stateMachineArn }) => {
        if (stateMachineArn !== machineArn) return undefined;
        const { promise, resolve } = Promise.withResolvers<Outcome>();
        running.set(executionArn, resolve);
        return { outcome: promise, stop: () => undefined };
      },
    },
    clock,
    random,
  });
  const end = async (execution: string, outcome: Outcome) => {
    running.get(execution)?.(outcome);
    await Promise.resolve();
    await Promise.resolve();
  };
  return {
    service: stepFunctions.service,
    all: () => stepFunctions.executions(),
    /** Starts one as a person would; gives its ARN. */
    start: async (name: string, input: unknown = {}): Promise<string> => {
      const answer = await stepFunctions.service(
        new Request("https://states.eu-west-1.amazonaws.com/", {
          method: "POST",
          headers: { "x-amz-target": "AWSStepFunctions.StartExecution" },
          body: JSON.stringify({ stateMachineArn: machineArn, name, input: JSON.stringify(input) }),
        }),
      );
      return ((await answer.json()) as { executionArn: string }).executionArn;
    },
    succeed: (execution: string) => end(execution, { status: "SUCCEEDED", output: "{}" }),
    fail: (execution: string) => end(execution, { status: "FAILED", error: "States.Runtime" }),
  };
};
