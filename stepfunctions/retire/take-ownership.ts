import {
  Choice,
  Condition,
  Fail,
  type INextable,
  JsonPath,
  type State,
  StateMachineFragment,
  TaskInput,
} from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { AlreadyOwned, InputRefused } from "../../lambdas/runtime/errors.ts";
import { otherwise } from "../otherwise.ts";
import { patientRetries } from "../retry-policies.ts";
import { type StepProps, taskState } from "../task-state.ts";
import { KeepAlive } from "./keep-alive.ts";

/**
 * The instance gets one owner: this execution. The input of a person is checked
 * here, and refused with a right one shown. While the stop parameter is set, or
 * the settings of the pool are not right, the hook is kept alive and nothing begins.
 */
export class TakeOwnership extends StateMachineFragment {
  readonly startState: State;
  readonly endStates: INextable[];

  constructor(scope: Construct, id: string, props: StepProps) {
    super(scope, id);
    const refused = new Fail(this, "Refused", {
      comment:
        "The input was not understood, or another execution handles the instance. Nothing was changed.",
      errorPath: "$.error.Error",
      causePath: "$.error.Cause",
    });
    const take = taskState(this, "Take ownership", {
      ...props,
      task: "retire/take-ownership",
      comment:
        "Checks the input, reads the pool's settings, and makes this execution the owner of the instance.",
      payload: TaskInput.fromObject({
        input: JsonPath.objectAt("$"),
        execution: JsonPath.executionId,
        startedAt: JsonPath.executionStartTime,
      }),
      resultPath: "$",
      retries: patientRetries,
      // Neither is ours to decide. Everything else is: settings that stayed wrong until
      // the hook lived no longer end in *Recover*.
      catches: [{ errors: [InputRefused.errorName, AlreadyOwned.errorName], next: refused }],
    });
    const isStopped = new Choice(this, "Is Drover stopped?");
    const hold = new KeepAlive(this, "While stopped", {
      ...props,
      keepAlive: "Keep hook alive while stopped",
      wait: "Wait while stopped",
      secondsPath: "$.stopped.waitSeconds",
    });
    take.next(isStopped.when(Condition.isPresent("$.stopped"), hold));
    hold.next(take);

    this.startState = take;
    this.endStates = [otherwise(isStopped)];
  }
}
