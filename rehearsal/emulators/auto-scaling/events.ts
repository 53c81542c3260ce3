import type { BusEvent } from "../event-bridge/bus.ts";
import type { Group, Instance, LifecycleAction } from "./state.ts";
import { launching } from "./state.ts";

/** Where events come from. */
export interface Source {
  readonly region: string;
  readonly account: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly uuid: () => string;
}

const seconds = (time: number): string => new Date(time).toISOString().replace(/\.\d+Z$/, "Z");

const envelope = (
  source: Source,
  from: string,
  detailType: string,
  resources: readonly string[],
  detail: unknown,
): BusEvent => ({
  version: "0",
  id: source.uuid(),
  "detail-type": detailType,
  source: from,
  account: source.account,
  time: seconds(source.now()),
  region: source.region,
  resources,
  detail,
});

const instanceArn = ({ region, account }: Source, id: string): string =>
  `arn:aws:ec2:${region}:${account}:instance/${id}`;

/**
 * A hook has begun to hold an instance.
 *
 * Source: Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling event
 * reference", lifecycle action events.
 */
export const lifecycleActionEvent = (
  source: Source,
  group: Group,
  action: LifecycleAction,
): BusEvent => {
  const isLaunch = action.hook.transition === launching;
  return envelope(
    source,
    "aws.autoscaling",
    isLaunch ? "EC2 Instance-launch Lifecycle Action" : "EC2 Instance-terminate Lifecycle Action",
    [group.arn],
    {
      LifecycleActionToken: action.token,
      AutoScalingGroupName: group.name,
      LifecycleHookName: action.hook.name,
      EC2InstanceId: action.instanceId,
      LifecycleTransition: action.hook.transition,
      ...(action.hook.notificationMetadata === undefined
        ? {}
        : { NotificationMetadata: action.hook.notificationMetadata }),
      Origin: action.origin,
      Destination: action.destination,
    },
  );
};

/**
 * A launch or a termination is over.
 *
 * Source: the same page, successful and unsuccessful scaling events.
 */
export const scalingEvent = (
  source: Source,
  group: Group,
  instance: Instance,
  what: "Launch" | "Terminate",
  failure?: string,
): BusEvent => {
  const description =
    what === "Launch"
      ? `Launching a new EC2 instance: ${instance.id}`
      : `Terminating EC2 instance: ${instance.id}`;
  return envelope(
    source,
    "aws.autoscaling",
    `EC2 Instance ${what} ${failure === undefined ? "Successful" : "Unsuccessful"}`,
    [group.arn, instanceArn(source, instance.id)],
    {
      StatusCode: failure === undefined ? "InProgress" : "Failed",
      Description: description,
      AutoScalingGroupName: group.name,
      ActivityId: instance.activityId,
      Details: { "Availability Zone": instance.zone, "Subnet ID": `subnet-${instance.zone}` },
      RequestId: instance.activityId,
      StatusMessage: failure ?? "",
      EndTime: seconds(source.now()),
      EC2InstanceId: instance.id,
      StartTime: seconds(instance.history.at(-1)?.at ?? instance.launchedAt),
      Cause: instance.cause ?? "",
    },
  );
};

/** EC2 launched nothing, so that there is no instance to name. */
export const launchFailureEvent = (source: Source, group: Group, message: string): BusEvent => {
  const activityId = source.uuid();
  return envelope(source, "aws.autoscaling", "EC2 Instance Launch Unsuccessful", [group.arn], {
    StatusCode: "Failed",
    Description: "Launching a new EC2 instance.",
    AutoScalingGroupName: group.name,
    ActivityId: activityId,
    Details: { "Availability Zone": group.zones[0] },
    RequestId: activityId,
    StatusMessage: message,
    EndTime: seconds(source.now()),
    EC2InstanceId: "",
    StartTime: seconds(source.now()),
    Cause:
      "an instance was launched in response to a difference between desired and actual capacity",
  });
};

/**
 * A spot instance has two minutes left. Its ARN has the zone and no account.
 *
 * Source: Amazon EC2 User Guide, "Spot Instance interruption notices".
 */
export const spotInterruptionEvent = (source: Source, { id, zone }: Instance): BusEvent =>
  envelope(
    source,
    "aws.ec2",
    "EC2 Spot Instance Interruption Warning",
    [`arn:aws:ec2:${zone}:instance/${id}`],
    { "instance-id": id, "instance-action": "terminate" },
  );

/**
 * A spot instance is at an elevated risk of interruption.
 *
 * Source: Amazon EC2 User Guide, "EC2 instance rebalance recommendations".
 */
export const rebalanceRecommendationEvent = (source: Source, { id, zone }: Instance): BusEvent =>
  envelope(
    source,
    "aws.ec2",
    "EC2 Instance Rebalance Recommendation",
    [`arn:aws:ec2:${zone}:instance/${id}`],
    { "instance-id": id },
  );
