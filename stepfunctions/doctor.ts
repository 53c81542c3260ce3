import { Duration } from "aws-cdk-lib";
import {
  Chain,
  DefinitionBody,
  JsonPath,
  LogLevel,
  StateMachine,
  StateMachineType,
  Succeed,
  TaskInput,
} from "aws-cdk-lib/aws-stepfunctions";
import type { LambdaInvoke } from "aws-cdk-lib/aws-stepfunctions-tasks";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { briefRetries } from "./retry-policies.ts";
import { taskState } from "./task-state.ts";
import type { DoctorTask, TaskFunctions } from "./tasks.ts";

export interface DoctorProps {
  /** Fixed, so that the command line finds it. */
  readonly stateMachineName: string;
  readonly functions: TaskFunctions;
  readonly logGroup: LogGroup;
}

/**
 * Checks a deployment from where its functions run, and changes nothing:
 *
 * ```
 * Check groups → Check Nomad → Check Consul → Report findings
 * ```
 *
 * Each check is given what the one before has found: the pools, their instances,
 * the names of these. One that cannot run does not keep the next from running;
 * its error stands in the place of its answer, and is reported as a finding.
 */
export class Doctor extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: DoctorProps) {
    super(scope, id);
    const report = this.state("Report findings", {
      ...props,
      task: "watch/report-findings",
      comment: "Puts the findings in order, and counts them for the alarm.",
      payload: { groups: "$.groups", nomad: "$.nomad", consul: "$.consul" },
      resultPath: "$",
    });
    const consul = this.state("Check Consul", {
      ...props,
      task: "watch/check-consul",
      comment: "Connection, token, and members of the instances.",
      payload: { nomad: "$.nomad" },
      resultPath: "$.consul",
      next: report,
    });
    const nomad = this.state("Check Nomad", {
      ...props,
      task: "watch/check-nomad",
      comment: "Connection, token, servers, how long a query may wait, nodes of the instances.",
      payload: { groups: "$.groups" },
      resultPath: "$.nomad",
      next: consul,
    });
    const groups = this.state("Check groups", {
      ...props,
      task: "watch/check-groups",
      comment: "Tags, hooks and settings of the Auto Scaling groups, and the stop.",
      payload: {},
      resultPath: "$.groups",
      next: nomad,
    });
    const chain = Chain.start(groups).next(nomad).next(consul).next(report);
    chain.next(new Succeed(this, "Examined"));

    this.stateMachine = new StateMachine(this, "StateMachine", {
      stateMachineName: props.stateMachineName,
      stateMachineType: StateMachineType.STANDARD,
      comment: [
        "Drover: checks the deployment from where its functions run, and changes nothing.",
        "Started after each deploy, and by `drover doctor`; by hand with {}.",
      ].join(" "),
      definitionBody: DefinitionBody.fromChainable(groups),
      timeout: Duration.hours(1),
      logs: { destination: props.logGroup, level: LogLevel.ERROR, includeExecutionData: true },
      tracingEnabled: false,
    });
  }

  private state(
    name: string,
    props: {
      readonly functions: TaskFunctions;
      readonly task: DoctorTask;
      readonly comment: string;
      /** Paths of what the function is given, by field. */
      readonly payload: Readonly<Record<string, string>>;
      readonly resultPath: string;
      /** Comes next, also when this one fails. Without it, a failure fails the execution. */
      readonly next?: LambdaInvoke;
    },
  ): LambdaInvoke {
    const payload = Object.entries(props.payload).map(
      ([field, path]) => [field, JsonPath.objectAt(path)] as const,
    );
    return taskState(this, name, {
      functions: props.functions,
      task: props.task,
      comment: props.comment,
      payload: TaskInput.fromObject(Object.fromEntries(payload)),
      resultPath: props.resultPath,
      retries: briefRetries,
      ...(props.next && { onError: props.next, errorPath: props.resultPath }),
    });
  }
}
