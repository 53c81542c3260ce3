import { ArnFormat, Stack } from "aws-cdk-lib";
import { Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { type Task } from "../stepfunctions/tasks.ts";
import {
  clusterTag,
  poolParameterPrefix,
  poolTag,
  retireMachineName,
  stopParameterName,
} from "./names.ts";
import { type Grant, type GrantedOn, taskGrants } from "./task-grants.ts";

export interface PolicyResources {
  readonly cluster: string;
  readonly table: ITable;
  /** All that the functions in the VPC read. */
  readonly secrets: readonly ISecret[];
}

/** ARN of `retire-node`, known without the state machine. */
export const retireMachineArn = (scope: Construct, cluster: string): string =>
  Stack.of(scope).formatArn({
    service: "states",
    resource: "stateMachine",
    resourceName: retireMachineName(cluster),
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });

/** An imported secret may be known by a part of its ARN: then six characters follow. */
const secretArn = (secret: ISecret) => secret.secretFullArn ?? `${secret.secretArn}-??????`;

const arns = (scope: Construct, on: GrantedOn, resources: PolicyResources): string[] => {
  const stack = Stack.of(scope);
  const { cluster } = resources;
  switch (on) {
    case "everything":
      return ["*"];
    case "managed-groups":
      // No policy names a group: the condition on its tags decides.
      return [
        stack.formatArn({
          service: "autoscaling",
          resource: "autoScalingGroup",
          resourceName: "*:autoScalingGroupName/*",
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      ];
    case "table":
      return [resources.table.tableArn];
    case "parameters":
      return [stopParameterName(cluster), `${poolParameterPrefix(cluster)}*`].map((name) =>
        // The name begins with the slash that separates it.
        stack.formatArn({ service: "ssm", resource: `parameter${name}` }),
      );
    case "retire-machine":
      return [retireMachineArn(scope, cluster)];
    case "retirements":
      return [
        stack.formatArn({
          service: "states",
          resource: "execution",
          resourceName: `${retireMachineName(cluster)}:*`,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      ];
    case "secrets":
      return resources.secrets.map(secretArn);
  }
};

const conditions = (on: GrantedOn, cluster: string) =>
  on === "managed-groups"
    ? {
        StringEquals: { [`aws:ResourceTag/${clusterTag}`]: cluster },
        Null: { [`aws:ResourceTag/${poolTag}`]: "false" },
      }
    : undefined;

/** The key of a secret that has one of its own is used only through Secrets Manager. */
const decrypt = (scope: Construct, secrets: readonly ISecret[]): PolicyStatement[] => {
  const keys = new Set(
    secrets.flatMap(({ encryptionKey }) => (encryptionKey ? [encryptionKey.keyArn] : [])),
  );
  if (keys.size === 0) return [];
  const stack = Stack.of(scope);
  return [
    new PolicyStatement({
      actions: ["kms:Decrypt"],
      resources: [...keys],
      conditions: {
        StringEquals: { "kms:ViaService": `secretsmanager.${stack.region}.${stack.urlSuffix}` },
      },
    }),
  ];
};

const statement = (scope: Construct, { on, actions }: Grant, resources: PolicyResources) => {
  const granted = arns(scope, on, resources);
  if (granted.length === 0) return [];
  const only = conditions(on, resources.cluster);
  return [
    new PolicyStatement({
      actions: [...actions],
      resources: granted,
      ...(only && { conditions: only }),
    }),
  ];
};

/** What the function of a task may do, besides its log and its network interface. */
export const taskStatements = (
  scope: Construct,
  task: Task,
  resources: PolicyResources,
): PolicyStatement[] => {
  const grants = taskGrants[task];
  return [
    ...grants.flatMap((grant) => statement(scope, grant, resources)),
    ...(grants.some(({ on }) => on === "secrets") ? decrypt(scope, resources.secrets) : []),
  ];
};

/**
 * What Lambda needs to attach a function to a VPC, in the function's name; the
 * code itself may not do it: only its own credentials carry this key.
 */
export const networkStatements = (): PolicyStatement[] => {
  const actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ];
  return [
    new PolicyStatement({ actions, resources: ["*"] }),
    new PolicyStatement({
      effect: Effect.DENY,
      actions,
      resources: ["*"],
      conditions: { Null: { "lambda:SourceFunctionArn": "false" } },
    }),
  ];
};
