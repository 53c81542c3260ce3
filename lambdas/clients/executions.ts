import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  GetExecutionHistoryCommand,
  paginateListExecutions,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import type { Surroundings } from "../runtime/surroundings.ts";
import { awsClientOptions } from "./aws.ts";

export type ExecutionStatus = "running" | "succeeded" | "ended badly" | "unknown";

export interface Executions {
  /** `unknown` when there is none of this name (any more). */
  status(execution: string): Promise<ExecutionStatus>;
  /** @returns false when an execution of this name exists already and has ended, or has another input */
  start(stateMachine: string, name: string, input: unknown): Promise<boolean>;
  /**
   * ARNs of the executions that run, a thousand with each call. The list is
   * eventually consistent: that one is missing in it says nothing.
   */
  running(stateMachine: string): Promise<ReadonlySet<string>>;
  /**
   * The last state of an execution; undefined when nobody remembers the
   * execution, or so many retries came after it.
   */
  lastState(execution: string): Promise<LastState | undefined>;
}

/** What a state was given, and when. */
export interface LastState {
  readonly input: unknown;
  readonly enteredAt: string;
  /** When the execution ended; absent while it runs. */
  readonly endedAt?: string;
}

/** The ARN of an execution, from its machine's ARN and its name. */
export const executionArn = (stateMachine: string, name: string): string =>
  `${stateMachine.replace(":stateMachine:", ":execution:")}:${name}`;

export const executionsClient = (surroundings: Surroundings): Executions => {
  const client = new SFNClient(awsClientOptions(surroundings));
  return {
    async status(execution) {
      try {
        const { status } = await client.send(
          new DescribeExecutionCommand({ executionArn: execution }),
        );
        if (status === "SUCCEEDED") return "succeeded";
        return status === "RUNNING" || status === "PENDING_REDRIVE" ? "running" : "ended badly";
      } catch (error) {
        if (error instanceof ExecutionDoesNotExist) return "unknown";
        throw error;
      }
    },
    async start(stateMachine, name, input) {
      try {
        await client.send(
          new StartExecutionCommand({
            stateMachineArn: stateMachine,
            name,
            input: JSON.stringify(input),
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ExecutionAlreadyExists) return false;
        throw error;
      }
    },
    async lastState(execution) {
      try {
        const { events } = await client.send(
          new GetExecutionHistoryCommand({
            executionArn: execution,
            reverseOrder: true,
            // A state has three events for each of its retries, of which it has 70 at most.
            maxResults: 250,
            includeExecutionData: true,
          }),
        );
        const entered = events?.find((event) => event.stateEnteredEventDetails?.input);
        const text = entered?.stateEnteredEventDetails?.input;
        if (!text || !entered?.timestamp) return undefined;
        const last = events?.[0];
        const endedAt = last?.type?.startsWith("Execution") && last.timestamp?.toISOString();
        return {
          input: JSON.parse(text) as unknown,
          enteredAt: entered.timestamp.toISOString(),
          ...(endedAt && { endedAt }),
        };
      } catch (error) {
        if (error instanceof ExecutionDoesNotExist) return undefined;
        throw error;
      }
    },
    async running(stateMachine) {
      const found = new Set<string>();
      const pages = paginateListExecutions(
        { client, pageSize: 1000 },
        { stateMachineArn: stateMachine, statusFilter: "RUNNING" },
      );
      for await (const { executions } of pages) {
        for (const { executionArn: arn } of executions ?? []) found.add(arn ?? "");
      }
      return found;
    },
  };
};
