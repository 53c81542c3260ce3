import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { ISecurityGroup, IVpc, SubnetSelection } from "aws-cdk-lib/aws-ec2";
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  CfnFunction,
  type Code,
  Function as LambdaFunction,
  Runtime,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { allTasks, type Task } from "../stepfunctions/tasks.ts";
import { acknowledgeWildcard } from "./acknowledge.ts";
import { type Allowed, networkPolicy } from "./task-policy.ts";

export interface TaskFunctionProps {
  readonly task: Task;
  readonly code: Code;
  readonly description: string;
  readonly environment: Record<string, string>;
  /** All that it may do, besides its log and its network interface. */
  readonly policy: readonly Allowed[];
  /** For a task that runs in the VPC. */
  readonly network?: {
    readonly vpc: IVpc;
    readonly vpcSubnets?: SubnetSelection | undefined;
    readonly securityGroups: readonly ISecurityGroup[];
  };
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** The id of the construct of a task: `retire/find-node` becomes `FindNode`. */
export const constructId = (task: Task): string =>
  task
    .replace(/^.*\//, "")
    .split("-")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");

/** By which the embedded world finds the handler of a function in a template. */
export const taskMetadata = "drover:task";

/**
 * The function of one task, with a role and a log of its own.
 *
 * No concurrency is reserved: accounts with the limit of a new account could
 * not deploy it.
 */
export class TaskFunction extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: TaskFunctionProps) {
    super(scope, id);
    const { inVpc, timeoutSeconds, memory } = allTasks[props.task];
    const logGroup = new LogGroup(this, "Log", {
      retention: props.logRetention,
      removalPolicy: props.removalPolicy,
    });
    const policy = [...props.policy, ...(inVpc ? networkPolicy() : [])];
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      description: `Drover's task ${props.task}`,
      inlinePolicies: {
        Task: new PolicyDocument({
          statements: [
            new PolicyStatement({
              actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
              resources: [logGroup.logGroupArn],
            }),
            ...policy.map(({ statement }) => statement),
          ],
        }),
      },
    });
    for (const { statement, whyWildcard } of policy) {
      if (whyWildcard === undefined) continue;
      for (const arn of statement.resources) acknowledgeWildcard(role, arn, whyWildcard);
    }
    this.function = new LambdaFunction(this, "Function", {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: "index.handler",
      code: props.code,
      description: props.description,
      environment: { ...props.environment, NODE_OPTIONS: "--enable-source-maps" },
      timeout: Duration.seconds(timeoutSeconds),
      memorySize: memory,
      role,
      logGroup,
      // An execution that runs for days goes on with the code it began with.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
      ...(inVpc &&
        props.network && {
          vpc: props.network.vpc,
          securityGroups: [...props.network.securityGroups],
          ...(props.network.vpcSubnets && { vpcSubnets: props.network.vpcSubnets }),
        }),
    });
    const resource = this.function.node.defaultChild;
    if (CfnFunction.isCfnFunction(resource)) resource.addMetadata(taskMetadata, props.task);
  }
}
