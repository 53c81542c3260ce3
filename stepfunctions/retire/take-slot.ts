import {
  Choice,
  Condition,
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

/**
 * Only so many nodes of a pool, and of the cluster, drain at the same time.
 * Drains that people started count too: *Cordon node* has counted them, and they
 * are counted anew before a slot is taken after a wait. Not in each round: while
 * Drover's own leases fill the slots, nothing that Nomad says would make one free,
 * and a queue of hundreds would have it list as many nodes hundreds of times.
 * *Take slot* sends the hook's heartbeat itself, since a queue can last for days:
 * with pauses of up to five minutes, four days make 1,152 rounds of at most 14
 * history events, below the 25,000 that an execution may have.
 */
export class TakeSlot extends StateMachineFragment {
  readonly startState: State;
  readonly endStates: INextable[];

  constructor(scope: Construct, id: string, props: StepProps) {
    super(scope, id);
    const count = taskState(this, "Count drains", {
      ...props,
      task: "retire/count-drains",
      comment: "Counts the drains that are not Drover's, and how many the servers' version allows.",
      resultPath: "$.cordon.drains",
    });
    const take = taskState(this, "Take slot", {
      ...props,
      task: "retire/take-slot",
      comment: "Takes a slot of the pool and of the cluster, and keeps the hook alive.",
      resultPath: "$.slot",
      retries: patientRetries,
    });
    const isFree = new Choice(this, "Is a slot free?");
    const wait = new Wait(this, "Wait for a slot", {
      time: WaitTime.secondsPath("$.slot.waitSeconds"),
    });
    const waitForOthers = new Wait(this, "Wait for other drains", {
      time: WaitTime.secondsPath("$.slot.waitSeconds"),
    });
    const waits = Condition.numberGreaterThan("$.slot.waitSeconds", 0);
    const countsFirst = Condition.isPresent("$.slot.countFirst");
    take.next(
      isFree
        .when(Condition.and(waits, countsFirst), waitForOthers)
        .when(waits, wait)
        .when(countsFirst, count),
    );
    wait.next(take);
    waitForOthers.next(count).next(take);

    this.startState = take;
    this.endStates = [otherwise(isFree)];
  }
}
