import { type DroverTask } from "../stepfunctions/tasks.ts";

/** What a grant is on; `task-policy.ts` turns each into ARNs and conditions. */
export type GrantedOn =
  /** The groups with the tags of this cluster. */
  | "managed-groups"
  /** Everything: for actions that AWS allows on no single resource. */
  | "everything"
  /** The table of records. */
  | "table"
  /** The stop parameter and the pools' settings. */
  | "parameters"
  /** The path of the pools' settings, to list what is below. */
  | "pool-path"
  /** The state machine `retire-node`. */
  | "retire-machine"
  /** The executions of `retire-node`. */
  | "retirements"
  /** The executions of `reconcile`. */
  | "reconciliations"
  /** The secrets for Nomad and Consul. */
  | "secrets"
  /** Everything, if there are secrets: to read several at once, each of them allowed by itself. */
  | "secrets-at-once";

export interface Grant {
  readonly on: GrantedOn;
  readonly actions: readonly string[];
}

const grant = (on: GrantedOn, ...actions: string[]): Grant => ({ on, actions });

const readSecrets = [
  grant("secrets", "secretsmanager:GetSecretValue"),
  grant("secrets-at-once", "secretsmanager:BatchGetSecretValue"),
];
const readParameters = grant("parameters", "ssm:GetParameters");
const heartbeat = grant("managed-groups", "autoscaling:RecordLifecycleActionHeartbeat");
const complete = grant("managed-groups", "autoscaling:CompleteLifecycleAction");
const takeOwnership = grant("table", "dynamodb:GetItem", "dynamodb:UpdateItem");
/** To learn whether the owner of an instance is still alive. */
const readExecutions = grant("retirements", "states:DescribeExecution");

/**
 * All that the function of each task may do, besides writing its own log. A
 * transaction in DynamoDB is allowed by the actions of its items.
 */
export const taskGrants: Readonly<Record<DroverTask, readonly Grant[]>> = {
  "intake/intake": [
    grant(
      "everything",
      "autoscaling:DescribeLifecycleHooks",
      "autoscaling:DescribeTags",
      // Whether the instance carries `drover:hold`.
      "tag:GetResources",
    ),
    takeOwnership,
    grant("retire-machine", "states:StartExecution"),
    readExecutions,
  ],
  "retire/take-ownership": [
    grant(
      "everything",
      "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeLifecycleHooks",
      "autoscaling:DescribeTags",
    ),
    readParameters,
    takeOwnership,
    readExecutions,
  ],
  "retire/keep-alive": [heartbeat, grant("table", "dynamodb:GetItem", "dynamodb:PutItem")],
  "retire/take-slot": [
    heartbeat,
    readParameters,
    grant("table", "dynamodb:BatchGetItem", "dynamodb:PutItem"),
  ],
  "retire/complete-hook": [
    complete,
    grant("managed-groups", "autoscaling:TerminateInstanceInAutoScalingGroup"),
    grant("everything", "autoscaling:DescribeAutoScalingInstances"),
    readParameters,
    grant("table", "dynamodb:DeleteItem", "dynamodb:GetItem"),
  ],
  "retire/await-termination": [
    complete,
    grant(
      "everything",
      "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeLifecycleHooks",
    ),
  ],
  "retire/record-retirement": [grant("table", "dynamodb:UpdateItem")],
  "retire/recover": [
    complete,
    grant("table", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"),
  ],
  "watch/check-groups": [
    grant(
      "everything",
      "autoscaling:DescribeAutoScalingGroups",
      "autoscaling:DescribeInstanceRefreshes",
      "autoscaling:DescribeLifecycleHooks",
      // Which instances carry `drover:hold`.
      "tag:GetResources",
    ),
    readParameters,
    grant("pool-path", "ssm:GetParametersByPath"),
  ],
  "watch/report-findings": [],
  "watch/look-at-aws": [
    grant(
      "everything",
      "autoscaling:DescribeAutoScalingGroups",
      "autoscaling:DescribeLifecycleHooks",
      // Which instances carry `drover:hold`.
      "tag:GetResources",
    ),
    // Everything in the table, and the lease of the run.
    grant(
      "table",
      "dynamodb:BatchGetItem",
      "dynamodb:DeleteItem",
      "dynamodb:PutItem",
      "dynamodb:Scan",
    ),
    grant("retire-machine", "states:ListExecutions"),
    readExecutions,
    // What one that has ended knew of its node.
    grant("retirements", "states:GetExecutionHistory"),
    // Whether the run that has the lease is still alive.
    grant("reconciliations", "states:DescribeExecution"),
  ],
  "watch/repair-ownership": [
    heartbeat,
    takeOwnership,
    grant("table", "dynamodb:DeleteItem"),
    grant("retire-machine", "states:StartExecution"),
    readExecutions,
  ],
  "watch/look-at-cluster": readSecrets,
  "watch/plan-repairs": [
    // Whether an instance has ended.
    grant("everything", "ec2:DescribeInstances"),
    readParameters,
    grant("table", "dynamodb:GetItem"),
  ],
  "watch/repair-cluster": readSecrets,
  "watch/report-repairs": [grant("table", "dynamodb:DeleteItem", "dynamodb:UpdateItem")],
  "watch/check-nomad": readSecrets,
  "watch/check-consul": readSecrets,
  "retire/find-node": readSecrets,
  "retire/cordon-node": readSecrets,
  "retire/count-drains": readSecrets,
  "retire/drain-node": readSecrets,
  "retire/forget-node": readSecrets,
  "retire/look-again": readSecrets,
};
