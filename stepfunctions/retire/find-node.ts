import {
  Choice,
  Condition,
  type IChainable,
  type INextable,
  type State,
  StateMachineFragment,
} from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { otherwise } from "../otherwise.ts";
import { type StepProps, taskState } from "../task-state.ts";
import { KeepAlive } from "./keep-alive.ts";

export interface FindNodeProps extends StepProps {
  /** Where an instance goes whose node needs no drain: never joined, or dead already. */
  readonly withoutDrain: IChainable;
  /** Where it is seen whether Drover was stopped while the node was waited for. */
  readonly takeOwnership: IChainable;
}

/**
 * Which Nomad node runs on the instance. What has not registered yet may still
 * do so, and what cannot be reached is asked again: an outage decides nothing. What
 * was waited for is begun again from the ownership, which hears of the stop
 * parameter: four transitions for each outage, and none where nothing was waited for.
 */
export class FindNode extends StateMachineFragment {
  readonly startState: State;
  readonly endStates: INextable[];

  constructor(scope: Construct, id: string, props: FindNodeProps) {
    super(scope, id);
    const find = taskState(this, "Find node", {
      ...props,
      task: "retire/find-node",
      comment: "Finds the Nomad node of the instance, and Consul's name of it.",
      resultPath: "$.node",
    });
    const next = new Choice(this, "What became of the node?");
    const lookAgain = new KeepAlive(this, "Before looking again", {
      ...props,
      keepAlive: "Keep hook alive while looking",
      wait: "Wait before looking again",
      secondsPath: "$.node.waitSeconds",
    });
    find.next(next);
    next
      .when(Condition.stringEquals("$.node.next", "look-again"), lookAgain)
      .when(Condition.stringEquals("$.node.next", "begin-again"), props.takeOwnership)
      .when(Condition.stringEquals("$.node.next", "complete"), props.withoutDrain)
      .when(
        Condition.or(
          Condition.stringEquals("$.node.next", "refuse"),
          Condition.stringEquals("$.node.next", "give-up"),
        ),
        props.onError,
      )
      .when(Condition.booleanEquals("$.settings.observeOnly", true), props.withoutDrain);
    lookAgain.next(find);

    this.startState = find;
    this.endStates = [otherwise(next)];
  }
}
