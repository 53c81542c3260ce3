import {
  Fail,
  type INextable,
  JsonPath,
  type State,
  StateMachineFragment,
  TaskInput,
} from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { patientRetries } from "../retry-policies.ts";
import { type RetireTask, type TaskFunctions } from "../tasks.ts";
import { taskState } from "../task-state.ts";

export interface RecoverProps {
  readonly functions: TaskFunctions;
}

/**
 * The one way out for everything that no step foresaw: the hook is decided as
 * the pool says, the slot is given back, and what could not be given back is
 * recorded for whoever looks after it.
 */
export class Recover extends StateMachineFragment {
  readonly startState: State;
  readonly endStates: INextable[] = [];

  constructor(scope: Construct, id: string, props: RecoverProps) {
    super(scope, id);
    const failed = new Fail(this, "Retirement failed", {
      comment: "The runbook's entry 'Retirements failed' says what to look at.",
      errorPath: "$.failure.error",
      causePath: "$.failure.cause",
    });
    const notRecovered = new Fail(this, "Recovery failed", {
      comment: "What was taken is still taken: its lease runs out; the runbook says the rest.",
      errorPath: "$.error.Error",
      causePath: "$.error.Cause",
    });
    const task: RetireTask = "retire/recover";
    const recover = taskState(this, "Recover", {
      functions: props.functions,
      task,
      comment: "Decides the hook as the pool says and gives back what was taken.",
      payload: TaskInput.fromObject({
        retirement: JsonPath.objectAt("$"),
        execution: JsonPath.executionId,
      }),
      resultPath: "$.failure",
      retries: patientRetries,
      onError: notRecovered,
    });
    recover.next(failed);
    this.startState = recover;
  }
}
