import {
  Choice,
  Condition,
  type INextable,
  JsonPath,
  type State,
  StateMachineFragment,
  TaskInput,
  Wait,
  WaitTime,
} from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { otherwise } from "../otherwise.ts";
import { callTimeouts, patientRetries, roundRetries } from "../retry-policies.ts";
import { type StepProps, taskState } from "../task-state.ts";

export interface DrainProps extends StepProps {
  /** `work` is everything but system jobs; `system` what is left. */
  readonly pass: "work" | "system";
  readonly names: {
    readonly drain: string;
    readonly isDrained: string;
    readonly keepAlive: string;
    readonly wait: string;
  };
}

/**
 * One pass of the drain. Its task begins it, and then waits inside its function:
 * it comes back when the pass is over, or every 13 minutes at the latest (sooner
 * under a short heartbeat) so that the hook gets its heartbeat, which it also gets
 * before a call that stood still is done once more. A round costs
 * three transitions, so a drain of half an hour six more than a short one. Under
 * load it comes back at once with a wait, so that no connections of Nomad's
 * servers are held.
 */
export class Drain extends StateMachineFragment {
  readonly startState: State;
  readonly endStates: INextable[];

  constructor(scope: Construct, id: string, props: DrainProps) {
    super(scope, id);
    const keepAlive = taskState(this, props.names.keepAlive, {
      ...props,
      task: "retire/keep-alive",
      comment: "Sends the hook's heartbeat and renews the lease of the slot.",
      resultPath: "$.hook",
      retries: patientRetries,
    });
    const drain = taskState(this, props.names.drain, {
      ...props,
      task: "retire/drain-node",
      comment:
        props.pass === "work"
          ? "Asks Nomad to move everything but system jobs away, and waits until nothing of it runs; says who still blocks it."
          : "Asks Nomad to stop the system jobs, now that nothing needs them, and waits for their end.",
      payload: TaskInput.fromObject({ pass: props.pass, retirement: JsonPath.objectAt("$") }),
      resultPath: "$.drain",
      retries: roundRetries,
      catches: [{ errors: callTimeouts, next: keepAlive }, ...(props.catches ?? [])],
    });
    const isDrained = new Choice(this, props.names.isDrained);
    const wait = new Wait(this, props.names.wait, {
      time: WaitTime.secondsPath("$.drain.waitSeconds"),
    });
    drain.next(
      isDrained
        .when(Condition.numberGreaterThan("$.drain.waitSeconds", 0), wait)
        .when(Condition.stringEquals("$.drain.status", "draining"), keepAlive),
    );
    wait.next(keepAlive);
    keepAlive.next(drain);

    this.startState = drain;
    this.endStates = [otherwise(isDrained)];
  }
}
