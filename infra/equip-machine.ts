import type { RemovalPolicy } from "aws-cdk-lib";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import type { Task, TaskFunctions as TaskFunctionsOfMachine } from "../stepfunctions/tasks.ts";
import { acknowledge, acknowledgeWildcard } from "./acknowledge.ts";

/** The functions of some tasks, in their newest code or in a version that stays. */
export interface Functions<Some extends Task> {
  get(task: Some): IFunction;
  version(task: Some): IFunction;
}

export interface LogProps {
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** The log of a state machine. */
export const machineLog = (
  scope: Construct,
  id: string,
  stateMachineName: string,
  log: LogProps,
): LogGroup =>
  new LogGroup(scope, id, {
    // Step Functions adds every other name to one policy of limited length.
    logGroupName: `/aws/vendedlogs/states/${stateMachineName}`,
    retention: log.logRetention,
    removalPolicy: log.removalPolicy,
  });

/** The functions that a state machine calls: in one version of each, when versions are pinned. */
export const functionsOf =
  <Some extends Task>(
    functions: Functions<Some>,
    pinVersions: boolean,
  ): TaskFunctionsOfMachine<Some> =>
  (task) =>
    pinVersions ? functions.version(task) : functions.get(task);

/**
 * What a state machine needs besides its definition: to invoke versions of
 * before this deployment, since executions may be running them, and the reasons
 * for how it is made.
 */
export const equipMachine = <Some extends Task>(
  stateMachine: StateMachine,
  functions: Functions<Some>,
  tasks: readonly Some[],
  pinVersions: boolean,
): void => {
  acknowledge(
    stateMachine,
    "AwsSolutions-SF1",
    "Step Functions keeps the history of every execution for 90 days; the log is for errors.",
  );
  acknowledge(
    stateMachine,
    "AwsSolutions-SF2",
    "The history tells how long each step took, and X-Ray is charged for each trace.",
  );
  for (const task of pinVersions ? tasks : []) {
    const versions = `${functions.get(task).functionArn}:*`;
    stateMachine.addToRolePolicy(
      new PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [versions] }),
    );
    acknowledgeWildcard(
      stateMachine,
      versions,
      "All versions of one function: executions go on with the one they began with.",
    );
  }
  acknowledgeWildcard(
    stateMachine,
    "*",
    "Deliveries of logs have no resources of their own; Step Functions needs these actions.",
  );
};
