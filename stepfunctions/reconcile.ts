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
  Wait,
  WaitTime,
} from "aws-cdk-lib/aws-stepfunctions";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { briefRetries } from "./retry-policies.ts";
import { taskState } from "./task-state.ts";
import type { TaskFunctions } from "./tasks.ts";

export interface ReconcileProps {
  readonly stateMachineName: string;
  readonly functions: TaskFunctions;
  readonly logGroup: LogGroup;
}

const execution = JsonPath.stringAt("$$.Execution.Id");

/**
 * Repairs what lost events and stopped executions left behind:
 *
 * ```
 * Look at AWS ─┬→ nothing ever ended ─────────────────────────────────────┬→ Report repairs
 *   ↑          ├→ Repair ownership ─┐                                     │
 *   └─ minutes ├─ on its way?       ├→ Look at the cluster → Plan repairs ┴→ Repair the cluster
 *              └→ another run is under way: leave
 * ```
 *
 * A run with nothing to do has four transitions, or seven within a week after a
 * retirement. Whatever fails in between still ends in the report, which lets the
 * next run begin; one that is stopped is recognised by the next.
 */
export class Reconcile extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: ReconcileProps) {
    super(scope, id);
    const { functions } = props;

    const report = taskState(this, "Report repairs", {
      functions,
      task: "watch/report-repairs",
      comment: "Sums the run up, for the alarms too, and lets the next one begin.",
      payload: TaskInput.fromObject({ execution, state: JsonPath.objectAt("$") }),
      resultPath: "$",
      retries: briefRetries,
    });
    report.next(new Succeed(this, "Reconciled"));
    const repairOwnership = taskState(this, "Repair ownership", {
      functions,
      task: "watch/repair-ownership",
      comment: "Begins the retirements that nobody has begun, and frees the slots of the dead.",
      payload: TaskInput.fromObject({ aws: JsonPath.objectAt("$.aws") }),
      resultPath: "$.ownership",
      retries: briefRetries,
      onError: report,
      errorPath: "$.failure",
    });
    const repairCluster = taskState(this, "Repair the cluster", {
      functions,
      task: "watch/repair-cluster",
      comment: "Has Nomad and Consul forget what has ended, and gives nodes back that stay.",
      payload: TaskInput.fromObject({ plan: JsonPath.objectAt("$.plan") }),
      resultPath: "$.repaired",
      retries: briefRetries,
      onError: report,
      errorPath: "$.failure",
    });
    repairCluster.next(report);
    const plan = taskState(this, "Plan repairs", {
      functions,
      task: "watch/plan-repairs",
      comment: "What Nomad and Consul remember, beside what EC2 and our own records say.",
      payload: TaskInput.fromObject({
        aws: JsonPath.objectAt("$.aws"),
        cluster: JsonPath.objectAt("$.cluster"),
      }),
      resultPath: "$.plan",
      retries: briefRetries,
      onError: report,
      errorPath: "$.failure",
    });
    plan.next(
      new Choice(this, "Is the cluster to be repaired?")
        .when(Condition.stringEquals("$.plan.next", "repair"), repairCluster)
        .otherwise(report),
    );
    const lookAtCluster = taskState(this, "Look at the cluster", {
      functions,
      task: "watch/look-at-cluster",
      comment: "What Nomad and Consul remember of retirements that are over.",
      payload: TaskInput.fromObject({
        marks: JsonPath.objectAt("$.aws.marks"),
        inService: JsonPath.numberAt("$.aws.inService"),
      }),
      resultPath: "$.cluster",
      retries: briefRetries,
      // An error in the place of the answer: of what was not seen nothing is decided.
      onError: plan,
      errorPath: "$.cluster",
    });
    lookAtCluster.next(plan);
    repairOwnership.next(
      new Choice(this, "Is the cluster to be looked at?")
        .when(Condition.booleanEquals("$.aws.asksCluster", true), lookAtCluster)
        .otherwise(report),
    );

    const first = taskState(this, "Look at AWS", {
      functions,
      task: "watch/look-at-aws",
      comment: "Who takes care of which instance and slot, as AWS and the records say.",
      payload: TaskInput.fromObject({ input: JsonPath.objectAt("$"), execution }),
      resultPath: "$.aws",
      retries: briefRetries,
    });
    const second = taskState(this, "Look at AWS again", {
      functions,
      task: "watch/look-at-aws",
      comment: "What was on its way has come by now.",
      payload: TaskInput.fromObject({
        input: { mode: JsonPath.stringAt("$.aws.mode") },
        execution,
        aws: JsonPath.objectAt("$.aws"),
      }),
      resultPath: "$.aws",
      retries: briefRetries,
    });
    const wait = new Wait(this, "Wait for what is on its way", {
      time: WaitTime.secondsPath("$.aws.waitSeconds"),
    });
    const next = "$.aws.next";
    const choice = new Choice(this, "Is anything to be repaired?")
      .when(Condition.stringEquals(next, "look-again"), wait)
      .when(Condition.stringEquals(next, "repair"), repairOwnership)
      .when(Condition.stringEquals(next, "look-at-cluster"), lookAtCluster)
      .when(
        Condition.stringEquals(next, "leave"),
        new Succeed(this, "Another run does it", { outputPath: "$.aws" }),
      )
      .otherwise(report);
    first.next(choice);
    wait.next(second);
    second.next(choice);

    this.stateMachine = new StateMachine(this, "StateMachine", {
      stateMachineName: props.stateMachineName,
      stateMachineType: StateMachineType.STANDARD,
      comment: [
        "Drover: repairs what lost events and stopped executions left behind.",
        "Started by a schedule and when a retirement ends badly; by hand with {},",
        'which reports and changes nothing, or with {"mode": "repair"}.',
      ].join(" "),
      definitionBody: DefinitionBody.fromChainable(first),
      timeout: Duration.hours(1),
      logs: { destination: props.logGroup, level: LogLevel.ERROR, includeExecutionData: true },
      tracingEnabled: false,
    });
  }
}
