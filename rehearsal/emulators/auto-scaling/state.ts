import type { LifecycleState } from "@aws-sdk/client-auto-scaling";

export type { LifecycleState };

export type Result = "CONTINUE" | "ABANDON";

export type Transition =
  | "autoscaling:EC2_INSTANCE_LAUNCHING"
  | "autoscaling:EC2_INSTANCE_TERMINATING";

export const launching: Transition = "autoscaling:EC2_INSTANCE_LAUNCHING";
export const terminating: Transition = "autoscaling:EC2_INSTANCE_TERMINATING";

export interface Hook {
  readonly name: string;
  readonly transition: Transition;
  /** Seconds, 30 to 7200. */
  readonly heartbeatTimeout: number;
  readonly defaultResult: Result;
  readonly notificationMetadata?: string | undefined;
}

/** How a lifecycle action ended. */
export interface Outcome {
  readonly result: Result;
  /**
   * `completed` by a call; `expired` without a heartbeat in time; `limit`: at the
   * global limit; `cancelled` because the instance went another way, which
   * decides nothing.
   */
  readonly how: "completed" | "expired" | "limit" | "cancelled";
  /** Access key of the caller that completed it. */
  readonly by?: string | undefined;
  readonly at: number;
}

/** Where an instance comes from or goes to. */
export type Place = "EC2" | "AutoScalingGroup" | "WarmPool";

/** One hook holding one instance. Times in milliseconds since the epoch. */
export interface LifecycleAction {
  readonly token: string;
  readonly hook: Hook;
  readonly instanceId: string;
  readonly origin: Place;
  readonly destination: Place;
  readonly startedAt: number;
  /** Times of the heartbeats. */
  readonly heartbeats: number[];
  /** When it expires, unless a heartbeat comes. */
  expiresAt: number;
  /** When it ends, whatever comes. */
  readonly limitAt: number;
  outcome?: Outcome;
}

export interface LaunchTemplate {
  readonly id: string;
  readonly name: string;
  /** A number as text, never `$Latest`: an instance runs one version. */
  readonly version: string;
}

export interface Instance {
  readonly id: string;
  readonly group: string;
  readonly zone: string;
  readonly instanceType: string;
  readonly privateIp: string;
  readonly launchTemplate: LaunchTemplate;
  readonly launchedAt: number;
  state: LifecycleState;
  health: "Healthy" | "Unhealthy";
  protectedFromScaleIn: boolean;
  /** What the hardware does: it may go down before Auto Scaling has a say. */
  power: "on" | "stopped" | "off";
  /** Whether it has power and fails EC2's status checks all the same. */
  impaired?: boolean;
  /** Every state that it was in, with the time when it came to it. */
  readonly history: { readonly state: LifecycleState; readonly at: number }[];
  /** Every lifecycle action there has been, oldest first. */
  readonly actions: LifecycleAction[];
  /** Why it is being terminated or is unhealthy, in Auto Scaling's words. */
  cause?: string;
  /** Launched to rebalance the zones: until it is in service another one does its part. */
  extra?: boolean;
  /** The activity that launches or terminates it. */
  activityId: string;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
  readonly propagateAtLaunch: boolean;
}

export type Process =
  | "Launch"
  | "Terminate"
  | "AddToLoadBalancer"
  | "AlarmNotification"
  | "AZRebalance"
  | "HealthCheck"
  | "InstanceRefresh"
  | "ReplaceUnhealthy"
  | "ScheduledActions";

export const processes: readonly Process[] = [
  "Launch",
  "Terminate",
  "AddToLoadBalancer",
  "AlarmNotification",
  "AZRebalance",
  "HealthCheck",
  "InstanceRefresh",
  "ReplaceUnhealthy",
  "ScheduledActions",
];

/** Instances that wait beside a group until it grows. */
export interface WarmPool {
  /** How many the pool keeps at least. */
  readonly minSize: number;
  /** How many group and pool keep together; undefined: the group's maximum. */
  readonly maxPrepared?: number | undefined;
  readonly state: "Stopped" | "Running" | "Hibernated";
  /** Whether a scale-in puts instances back instead of ending them. */
  readonly reuseOnScaleIn: boolean;
  /** Whether it ends as soon as its last instance has. */
  readonly deleting?: boolean;
}

/** As `DescribeInstanceRefreshes` shows it. */
export interface InstanceRefresh {
  readonly id: string;
  readonly startedAt: number;
  status: "Pending" | "InProgress" | "Successful" | "Failed" | "Cancelling" | "Cancelled";
}

export interface Group {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly zones: readonly string[];
  readonly instanceType: string;
  min: number;
  max: number;
  desired: number;
  launchTemplate: LaunchTemplate;
  newInstancesProtected: boolean;
  /** The lifecycle policy for an abandoned termination hook. */
  onAbandon: "terminate" | "retain";
  readonly tags: Map<string, Tag>;
  readonly hooks: Map<string, Hook>;
  /** The instances that the group has, in the order of their launch. */
  readonly instances: Map<string, Instance>;
  readonly suspended: Set<Process>;
  warmPool?: WarmPool | undefined;
  /** Oldest first. */
  readonly refreshes: InstanceRefresh[];
  /** Deleted by force: it ends with its last instance. */
  deleting?: boolean;
  /** What EC2 says instead of launching, as long as it has no capacity. */
  launchFailure?: string | undefined;
}
