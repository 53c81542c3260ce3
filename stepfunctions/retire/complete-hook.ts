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
import { KeepAlive } from "./keep-alive.ts";

export interface CompleteHookProps extends StepProps {
  /** Where the execution ends when the group keeps the instance: for a person, or in its warm pool. */
  readonly kept: IChainable;
}

/**
 * The instance may go: its hook is completed, or, when a person started the
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
      comment: "Lets the instance go; terminates it when a person started this.",
      resultPath: "$.completion",
      retries: patientRetries,
    });
    const isHeld = new Choice(this, "Is Drover stopped before completion?");
    const hold = new KeepAlive(this, "While stopped before completion", {
      ...props,
      keepAlive: "Keep hook alive before completion",
      wait: "Wait before completion",
      secondsPath: "$.completion.waitSeconds",
    });
    const awaitTermination = taskState(this, "Await termination", {
      ...props,
      task: "retire/await-termination",
      comment: "Looks whether the group has let the instance go.",
      resultPath: "$.termination",
      retries: patientRetries,
    });
    const isGone = new Choice(this, "Is the instance gone?");
    const wait = new Wait(this, "Wait for termination", {
      time: WaitTime.secondsPath("$.termination.waitSeconds"),
    });
    complete.next(isHeld);
    isHeld
      .when(Condition.stringEquals("$.completion.decision", "held"), hold)
      .otherwise(awaitTermination);
    hold.next(complete);
    awaitTermination.next(isGone);
    isGone
      .when(Condition.stringEquals("$.termination.state", "terminating"), wait)
      .when(
        Condition.or(
          Condition.stringEquals("$.termination.state", "retained"),
          Condition.stringEquals("$.termination.state", "warm pool"),
        ),
        props.kept,
      );
    wait.next(awaitTermination);

    this.startState = complete;
    this.endStates = [otherwise(isGone)];
  }
}
