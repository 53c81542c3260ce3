import {
  Choice,
  Condition,
  type INextable,
  JsonPath,
  type State,
  StateMachineFragment,
  TaskInput,
} from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { otherwise } from "../otherwise.ts";
import { type StepProps, taskState } from "../task-state.ts";
import { KeepAlive } from "./keep-alive.ts";

export interface DrainProps extends StepProps {
  /** `work` is everything but system jobs; `system` what is left. */
  readonly pass: "work" | "system";
  readonly names: {
    readonly start: string;
    readonly await: string;
    readonly isDrained: string;
    readonly keepAlive: string;
    readonly wait: string;
  };
}

/**
 * One pass of the drain. *Await drain* waits inside its function and comes back
 * when the pass is over, or every ten minutes at the latest (sooner under a
 * short heartbeat) so that the hook gets its heartbeat: a drain of half an hour
 * costs a dozen transitions. Under load it comes back at once with a wait
 * instead, so that no connections of Nomad's servers are held.
 */
export class Drain extends StateMachineFragment {
  readonly startState: State;
  readonly endStates: INextable[];

  constructor(scope: Construct, id: string, props: DrainProps) {
    super(scope, id);
    const start = taskState(this, props.names.start, {
      ...props,
      task: "retire/start-drain",
      comment:
        props.pass === "work"
          ? "Asks Nomad to move everything but system jobs away; posts nothing twice."
          : "Asks Nomad to stop the system jobs, now that nothing needs them.",
      payload: TaskInput.fromObject({ pass: props.pass, retirement: JsonPath.objectAt("$") }),
      resultPath: "$.drain",
    });
    const wait = taskState(this, props.names.await, {
      ...props,
      task: "retire/await-drain",
      comment: "Waits until nothing runs on the node any more; says who still blocks it.",
      resultPath: "$.drain",
    });
    const isDrained = new Choice(this, props.names.isDrained);
    const keepAlive = new KeepAlive(this, "Between rounds", {
      ...props,
      keepAlive: props.names.keepAlive,
      wait: props.names.wait,
      secondsPath: "$.drain.waitSeconds",
    });
    start.next(wait);
    wait.next(isDrained.when(Condition.stringEquals("$.drain.status", "draining"), keepAlive));
    keepAlive.next(wait);

    this.startState = start;
    this.endStates = [otherwise(isDrained)];
  }
}
