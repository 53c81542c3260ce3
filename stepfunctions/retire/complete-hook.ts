import {
  Choice,
  Condition,
  type IChainable,
  type INextable,
  type State,
  StateMachineFragment,
  Wait,
  WaitTime,
} from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { otherwise } from "../otherwise.ts";
import { patientRetries } from "../retry-policies.ts";
import { type StepProps, taskState } from "../task-state.ts";

export interface CompleteHookProps extends StepProps {
  /** Where the execution ends when the group keeps the instance: for a person, or in its warm pool. */
  readonly kept: IChainable;
}

/**
 * The next node may drain, and the instance may go: its hook is completed, or, when a person started the
 * retirement of a running instance, it is terminated and the hook that this
 * fires is completed. Then its end is awaited: before it, a live agent would
 * undo whatever is forgotten.
 */
export class CompleteHook extends StateMachineFragment {
  readonly startState: State;
  readonly endStates: INextable[];

  constructor(scope: Construct, id: string, props: CompleteHookProps) {
    super(scope, id);
    const complete = taskState(this, "Complete hook", {
      ...props,
      task: "retire/complete-hook",
      comment:
        "Gives the slot back and lets the instance go; terminates it when a person started this.",
      resultPath: "$.completion",
      retries: patientRetries,
    });
    const letEnd = new Wait(this, "Let the instance end", {
      comment: "As long as EC2 mostly takes; while Drover is stopped, until it is looked again.",
      time: WaitTime.secondsPath("$.completion.waitSeconds"),
    });
    const awaitTermination = taskState(this, "Await termination", {
      ...props,
      task: "retire/await-termination",
      comment: "Looks whether the group has let the instance go.",
      resultPath: "$.termination",
      retries: patientRetries,
    });
    const keepAlive = taskState(this, "Keep hook alive before completion", {
      ...props,
      task: "retire/keep-alive",
      comment: "Sends the hook's heartbeat while Drover is stopped.",
      resultPath: "$.hook",
      retries: patientRetries,
    });
    const isGone = new Choice(this, "Is the instance gone?");
    const wait = new Wait(this, "Wait for termination", {
      time: WaitTime.secondsPath("$.termination.waitSeconds"),
    });
    complete.next(letEnd).next(awaitTermination).next(isGone);
    isGone
      .when(Condition.stringEquals("$.termination.state", "held"), keepAlive)
      .when(Condition.stringEquals("$.termination.state", "terminating"), wait)
      .when(
        Condition.or(
          Condition.stringEquals("$.termination.state", "retained"),
          Condition.stringEquals("$.termination.state", "warm pool"),
        ),
        props.kept,
      );
    keepAlive.next(complete);
    wait.next(awaitTermination);

    this.startState = complete;
    this.endStates = [otherwise(isGone)];
  }
}
