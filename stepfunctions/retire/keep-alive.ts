import {
  type State,
  StateMachineFragment,
  Wait,
  WaitTime,
  type INextable,
} from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { patientRetries } from "../retry-policies.ts";
import { type StepProps, taskState } from "../task-state.ts";

export interface KeepAliveProps extends StepProps {
  /** Names of the two states. */
  readonly keepAlive: string;
  readonly wait: string;
  /** Where the payload says how many seconds to wait. */
  readonly secondsPath: string;
}

/**
 * One turn of a loop that waits: the hook gets its heartbeat, the lease of the
 * slot is renewed, a deadline that became tighter meanwhile is taken over, and
 * then time passes.
 */
export class KeepAlive extends StateMachineFragment {
  readonly startState: State;
  readonly endStates: INextable[];

  constructor(scope: Construct, id: string, props: KeepAliveProps) {
    super(scope, id);
    const keepAlive = taskState(this, props.keepAlive, {
      ...props,
      task: "retire/keep-alive",
      comment: "Sends the hook's heartbeat and renews the lease of the slot.",
      resultPath: "$.hook",
      // A hook that gets no heartbeat for a while is still alive; giving up would decide it.
      retries: patientRetries,
    });
    const wait = new Wait(this, props.wait, {
      time: WaitTime.secondsPath(props.secondsPath),
    });
    keepAlive.next(wait);
    this.startState = keepAlive;
    this.endStates = [wait];
  }
}
