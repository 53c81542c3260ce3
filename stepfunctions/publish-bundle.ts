import { Duration } from "aws-cdk-lib";
import {
  Choice,
  Condition,
  DefinitionBody,
  JsonPath,
  LogLevel,
  StateMachine,
  StateMachineType,
  Succeed,
  TaskInput,
} from "aws-cdk-lib/aws-stepfunctions";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { briefRetries } from "./retry-policies.ts";
import { taskState } from "./task-state.ts";
import type { PublishTask, TaskFunctions } from "./tasks.ts";

export interface PublishBundleProps {
  readonly stateMachineName: string;
  readonly functions: TaskFunctions<PublishTask>;
  readonly logGroup: LogGroup;
}

/**
 * Moves the channel of a pool to a bundle that a publisher has stored and signed:
 *
 * ```
 * Read order ─┬→ Show bundles
 *             ├→ Prune bundles
 *             ├→ Check bundle → Move channel
 *             └→ (withdraw) ──→ Move channel
 * ```
 *
 * It takes nothing that it would have to give back: a channel moves in one write, by
 * compare-and-swap, or not at all. Who lost to another hears it from the failed execution.
 */
export class PublishBundle extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: PublishBundleProps) {
    super(scope, id);
    const { functions } = props;
    const order = JsonPath.objectAt("$.order");

    const move = taskState(this, "Move channel", {
      functions,
      task: "config/move-channel",
      comment: "By compare-and-swap: of two at once one wins, and the other fails and says so.",
      // The whole state: a withdrawal has no bundle, and a path to what is missing would fail.
      resultPath: "$",
      retries: briefRetries,
    });
    move.next(new Succeed(this, "Published"));
    const check = taskState(this, "Check bundle", {
      functions,
      task: "config/check-bundle",
      comment: "As a machine does it: signature, pool, and the archive to its last byte.",
      payload: TaskInput.fromObject({ order }),
      resultPath: "$.bundle",
      retries: briefRetries,
    });
    check.next(move);
    const show = taskState(this, "Show bundles", {
      functions,
      task: "config/show-bundles",
      comment: "What is current, candidate and the one before; nothing is changed.",
      payload: TaskInput.fromObject({ order }),
      resultPath: "$",
      retries: briefRetries,
    });
    show.next(new Succeed(this, "Shown"));
    const prune = taskState(this, "Prune bundles", {
      functions,
      task: "config/prune-bundles",
      comment: "Removes old bundles that no channel and no machine needs.",
      payload: TaskInput.fromObject({}),
      resultPath: "$.pruned",
      retries: briefRetries,
    });
    prune.next(new Succeed(this, "Pruned"));

    const is = (action: string) => Condition.stringEquals("$.order.action", action);
    const choice = new Choice(this, "What is asked for?")
      .when(is("show"), show)
      .when(is("prune"), prune)
      .when(is("withdraw"), move)
      .otherwise(check);
    const read = taskState(this, "Read order", {
      functions,
      task: "config/read-order",
      comment: "Refuses what is not understood, with every fault at once.",
      payload: TaskInput.fromObject({
        input: JsonPath.objectAt("$"),
        execution: JsonPath.stringAt("$$.Execution.Name"),
      }),
      resultPath: "$.order",
      retries: briefRetries,
    });
    read.next(choice);

    this.stateMachine = new StateMachine(this, "StateMachine", {
      stateMachineName: props.stateMachineName,
      stateMachineType: StateMachineType.STANDARD,
      comment: [
        "Drover: moves the channel of a pool to a stored and signed bundle.",
        'By hand: {"pool": "workers"} shows; with "action": "publish", "promote", "rollback" or "withdraw" it moves.',
      ].join(" "),
      definitionBody: DefinitionBody.fromChainable(read),
      timeout: Duration.hours(1),
      logs: { destination: props.logGroup, level: LogLevel.ERROR, includeExecutionData: true },
      tracingEnabled: false,
    });
  }
}
