import { Duration } from "aws-cdk-lib";
import {
  type IChainable,
  type RetryProps,
  type TaskInput,
  Timeout,
} from "aws-cdk-lib/aws-stepfunctions";
import { LambdaInvoke } from "aws-cdk-lib/aws-stepfunctions-tasks";
import type { Construct } from "constructs";
import { standardRetries } from "./retry-policies.ts";
import { allTasks, type Task, type TaskFunctions } from "./tasks.ts";

/** What every step of a state machine is given. */
export interface StepProps {
  readonly functions: TaskFunctions;
  /** Where everything goes that no step foresaw. */
  readonly onError: IChainable;
  /** Errors that have a way of their own. */
  readonly catches?: readonly { readonly errors: string[]; readonly next: IChainable }[];
}

export interface TaskStateProps<Some extends Task> extends Omit<
  StepProps,
  "onError" | "functions"
> {
  readonly functions: TaskFunctions<Some>;
  /** As of a step. @default - an error fails the execution */
  readonly onError?: IChainable;
  readonly task: Some;
  /** Where the answer is put in the payload: `$.node`, … or `$` for all of it. */
  readonly resultPath: string;
  /** Where an error is put. @default "$.error" */
  readonly errorPath?: string;
  /** @default - the payload as it is */
  readonly payload?: TaskInput;
  /** @default - standardRetries */
  readonly retries?: readonly RetryProps[];
  /** One sentence, shown in the console. */
  readonly comment: string;
}

/**
 * One task, one function: the payload goes in, the answer is put beside what is
 * known already, and an error that outlived its retries goes to `onError` with
 * its name and cause in `$.error`, or where `errorPath` says.
 */
export const taskState = <Some extends Task>(
  scope: Construct,
  name: string,
  props: TaskStateProps<Some>,
): LambdaInvoke => {
  const state = new LambdaInvoke(scope, name, {
    comment: props.comment,
    lambdaFunction: props.functions(props.task),
    // Without a payload the whole input goes in: CDK would render the path `$` as
    // the text "$", which is what the function would then get.
    ...(props.payload && { payload: props.payload }),
    payloadResponseOnly: true,
    // The retries below cover Lambda's own errors too.
    retryOnServiceExceptions: false,
    resultPath: props.resultPath,
    // The function's own time-out comes first; this one is for the call itself.
    taskTimeout: Timeout.duration(Duration.seconds(allTasks[props.task].timeoutSeconds + 30)),
  });
  for (const retry of props.retries ?? standardRetries) state.addRetry(retry);
  const resultPath = props.errorPath ?? "$.error";
  for (const { errors, next } of props.catches ?? []) {
    state.addCatch(next, { errors, resultPath });
  }
  if (props.onError) state.addCatch(props.onError, { resultPath });
  return state;
};
