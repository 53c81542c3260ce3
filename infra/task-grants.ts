import { type Task } from "../stepfunctions/tasks.ts";

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
  /** The state machine `retire-node`. */
  | "retire-machine"
  /** The executions of `retire-node`. */
  | "retirements"
  /** The secrets for Nomad and Consul. */
  | "secrets";

export interface Grant {
  readonly on: GrantedOn;
  readonly actions: readonly string[];
}

const grant = (on: GrantedOn, ...actions: string[]): Grant => ({ on, actions });

const describeInstance = grant(
  "everything",
  "autoscaling:DescribeAutoScalingInstances",
  "autoscaling:DescribeLifecycleHooks",
);
const readSecrets = [grant("secrets", "secretsmanager:GetSecretValue")];
const readParameters = grant("parameters", "ssm:GetParameters");
const complete = "autoscaling:CompleteLifecycleAction";
const heartbeat = grant("managed-groups", "autoscaling:RecordLifecycleActionHeartbeat");

/**
 * All that the function of each task may do, besides writing its own log. A
 * transaction in DynamoDB is allowed by the actions of its items.
 */
export const taskGrants: Readonly<Record<Task, readonly Grant[]>> = {
  "intake/intake": [
    grant("everything", "autoscaling:DescribeLifecycleHooks", "autoscaling:DescribeTags"),
    // Whether the instance carries `drover:hold`.
    grant("everything", "tag:GetResources"),
    grant("table", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
    grant("retire-machine", "states:StartExecution"),
    grant("retirements", "states:DescribeExecution"),
  ],
  "retire/take-ownership": [
    grant(
      "everything",
      "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeLifecycleHooks",
      "autoscaling:DescribeTags",
    ),
    readParameters,
    grant("table", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
    grant("retirements", "states:DescribeExecution"),
  ],
  "retire/keep-alive": [heartbeat, grant("table", "dynamodb:GetItem", "dynamodb:UpdateItem")],
  "retire/take-slot": [
    heartbeat,
    readParameters,
    grant(
      "table",
      "dynamodb:BatchGetItem",
      "dynamodb:ConditionCheckItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
    ),
  ],
  "retire/give-slot-back": [grant("table", "dynamodb:DeleteItem")],
  "retire/complete-hook": [
    grant("managed-groups", complete, "autoscaling:TerminateInstanceInAutoScalingGroup"),
    describeInstance,
    readParameters,
    grant("table", "dynamodb:GetItem", "dynamodb:UpdateItem"),
  ],
  "retire/await-termination": [
    grant("managed-groups", complete),
    describeInstance,
    grant("table", "dynamodb:GetItem", "dynamodb:UpdateItem"),
  ],
  "retire/record-retirement": [
    grant("table", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"),
  ],
  "retire/recover": [
    grant("managed-groups", complete),
    describeInstance,
    grant("table", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"),
  ],
  "retire/find-node": readSecrets,
  "retire/cordon-node": readSecrets,
  "retire/count-drains": readSecrets,
  "retire/start-drain": readSecrets,
  "retire/await-drain": readSecrets,
  "retire/forget-node": readSecrets,
  "retire/look-again": readSecrets,
};
