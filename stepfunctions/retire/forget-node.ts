import {
  type INextable,
  type State,
  StateMachineFragment,
  Wait,
  WaitTime,
} from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { StillRemembered } from "../../lambdas/runtime/errors.ts";
import { type StepProps, taskState } from "../task-state.ts";

/**
 * Consul and Nomad forget the machine. A live agent would undo it within 90
 * seconds (Consul's anti-entropy after 84 s at the latest, Nomad's registration
 * after 12 s), so that is when it is looked at again.
 */
export class ForgetNode extends StateMachineFragment {
  readonly startState: State;
  readonly endStates: INextable[];

  constructor(scope: Construct, id: string, props: StepProps) {
    super(scope, id);
    const forget = taskState(this, "Forget node", {
      ...props,
      task: "retire/forget-node",
      comment: "Removes the member from Consul and purges the node from Nomad.",
      resultPath: "$.forgotten",
    });
    const wait = new Wait(this, "Wait before looking once more", {
      time: WaitTime.secondsPath("$.forgotten.waitSeconds"),
    });
    const look = taskState(this, "Look again", {
      ...props,
      catches: [{ errors: [StillRemembered.errorName], next: forget }],
      task: "retire/look-again",
      comment: "Looks whether anything came back; what did is forgotten once more.",
      resultPath: "$.forgotten",
    });
    forget.next(wait).next(look);

    this.startState = forget;
    this.endStates = [look];
  }
}
