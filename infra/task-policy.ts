import { ArnFormat, Stack } from "aws-cdk-lib";
import { Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { clusterTag, poolTag } from "../lambdas/retire/hook-names.ts";
import { type DroverTask } from "../stepfunctions/tasks.ts";
import {
  poolParameterPrefix,
  reconcileMachineName,
  retireMachineName,
  stopParameterName,
} from "./names.ts";
import { type Grant, type GrantedOn, taskGrants } from "./task-grants.ts";

/** One statement of a policy. */
export interface Allowed {
  readonly statement: PolicyStatement;
  /** Why a resource in it is a wildcard. */
  readonly whyWildcard?: string | undefined;
}

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
export const secretArn = (secret: ISecret): string =>
  secret.secretFullArn ?? `${secret.secretArn}-??????`;

export const parameterArn = (stack: Stack, name: string): string =>
  // The name begins with the slash that separates it.
  stack.formatArn({
    service: "ssm",
    resource: `parameter${name}`,
    arnFormat: ArnFormat.NO_RESOURCE_NAME,
  });

const resourcesOf: Readonly<
  Record<GrantedOn, (stack: Stack, resources: PolicyResources) => string[]>
> = {
  everything: () => ["*"],
  "managed-groups": (stack) => [
    stack.formatArn({
      service: "autoscaling",
      resource: "autoScalingGroup",
      resourceName: "*:autoScalingGroupName/*",
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  ],
  table: (_stack, { table }) => [table.tableArn],
  parameters: (stack, { cluster }) => [
    parameterArn(stack, stopParameterName(cluster)),
    parameterArn(stack, `${poolParameterPrefix(cluster)}*`),
  ],
  "pool-path": (stack, { cluster }) => [
    // The path itself is what a listing asks for.
    parameterArn(stack, poolParameterPrefix(cluster).replace(/\/$/, "")),
    parameterArn(stack, `${poolParameterPrefix(cluster)}*`),
  ],
  "retire-machine": (stack, { cluster }) => [retireMachineArn(stack, cluster)],
  retirements: (stack, { cluster }) => [
    stack.formatArn({
      service: "states",
      resource: "execution",
      resourceName: `${retireMachineName(cluster)}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  ],
  reconciliations: (stack, { cluster }) => [
    stack.formatArn({
      service: "states",
      resource: "execution",
      resourceName: `${reconcileMachineName(cluster)}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  ],
  secrets: (_stack, { secrets }) => secrets.map(secretArn),
  "secrets-at-once": (_stack, { secrets }) => (secrets.length > 0 ? ["*"] : []),
};

/** Why a grant has a wildcard in it; shown to whoever checks the policies with cdk-nag. */
const whyWildcard: Partial<Record<GrantedOn, string>> = {
  everything: "AWS allows these actions, which only read, on no single resource.",
  "managed-groups":
    "Any group can join by its tags, whoever makes it; the condition on the tags decides, not the name.",
  parameters: "One parameter for each pool, and pools come and go.",
  "pool-path": "One parameter for each pool, and pools come and go.",
  reconciliations: "The executions of this one state machine, which EventBridge names.",
  retirements: "The executions of this one state machine, which are named after instances.",
  "secrets-at-once":
    "AWS allows it on no single resource; which secrets it may give, GetSecretValue says for each.",
};

const conditions = (on: GrantedOn, cluster: string) =>
  on === "managed-groups"
    ? {
        StringEquals: { [`aws:ResourceTag/${clusterTag}`]: cluster },
        Null: { [`aws:ResourceTag/${poolTag}`]: "false" },
      }
    : undefined;

/** The key of a secret that has one of its own is used only through Secrets Manager. */
const decrypt = (scope: Construct, secrets: readonly ISecret[]): Allowed[] => {
  const keys = new Set(
    secrets.flatMap(({ encryptionKey }) => (encryptionKey ? [encryptionKey.keyArn] : [])),
  );
  if (keys.size === 0) return [];
  const stack = Stack.of(scope);
  const statement = new PolicyStatement({
    actions: ["kms:Decrypt"],
    resources: [...keys],
    conditions: {
      StringEquals: { "kms:ViaService": `secretsmanager.${stack.region}.${stack.urlSuffix}` },
    },
  });
  return [{ statement }];
};

const allow = (scope: Construct, { on, actions }: Grant, resources: PolicyResources): Allowed[] => {
  const granted = resourcesOf[on](Stack.of(scope), resources);
  if (granted.length === 0) return [];
  const only = conditions(on, resources.cluster);
  const statement = new PolicyStatement({
    actions: [...actions],
    resources: granted,
    ...(only && { conditions: only }),
  });
  return [{ statement, whyWildcard: whyWildcard[on] }];
};

/** What the function of a task may do, besides its log and its network interface. */
export const taskPolicy = (
  scope: Construct,
  task: DroverTask,
  resources: PolicyResources,
): Allowed[] => {
  const grants = taskGrants[task];
  return [
    ...grants.flatMap((grant) => allow(scope, grant, resources)),
    ...(grants.some(({ on }) => on === "secrets") ? decrypt(scope, resources.secrets) : []),
  ];
};

/**
 * What Lambda needs to attach a function to a VPC, in the function's name; the
 * code itself may not do it: only its own credentials carry this key.
 */
export const networkPolicy = (): Allowed[] => {
  const actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ];
  return [
    {
      statement: new PolicyStatement({ actions, resources: ["*"] }),
      whyWildcard: "A network interface has no name before it is made; only Lambda itself may.",
    },
    {
      statement: new PolicyStatement({
        effect: Effect.DENY,
        actions,
        resources: ["*"],
        conditions: { Null: { "lambda:SourceFunctionArn": "false" } },
      }),
    },
  ];
};
