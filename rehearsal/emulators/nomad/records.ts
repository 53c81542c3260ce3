/**
 * What a Nomad server stores, in the names and shapes of its JSON answers, so
 * that answering is hardly more than writing it out.
 */

export type NodeStatus = "initializing" | "ready" | "down" | "disconnected";
export type ClientStatus = "pending" | "running" | "complete" | "failed" | "lost" | "unknown";
export type JobType = "service" | "batch" | "system" | "sysbatch";

export interface DrainStrategy {
  /** Nanoseconds. */
  Deadline: number;
  IgnoreSystemJobs: boolean;
  /** Null without a deadline: Nomad writes a time that was never set as null. */
  ForceDeadline: string | null;
  StartedAt: string;
}

export interface DrainMetadata {
  StartedAt: string;
  UpdatedAt: string;
  Status: "draining" | "complete" | "canceled";
  AccessorID: string;
  Meta: Record<string, string> | null;
}

export interface NodeEvent {
  Message: string;
  Subsystem: string;
  Details: Record<string, string> | null;
  Timestamp: string;
  CreateIndex: number;
}

export interface DriverInfo {
  Attributes: Record<string, string> | null;
  Detected: boolean;
  Healthy: boolean;
  HealthDescription: string;
  UpdateTime: string;
}

export interface Node {
  ID: string;
  SecretID: string;
  Datacenter: string;
  Name: string;
  HTTPAddr: string;
  TLSEnabled: boolean;
  Attributes: Record<string, string>;
  Links: Record<string, string>;
  Meta: Record<string, string>;
  NodeClass: string;
  NodePool: string;
  ComputedClass: string;
  DrainStrategy: DrainStrategy | null;
  SchedulingEligibility: "eligible" | "ineligible";
  Status: NodeStatus;
  StatusDescription: string;
  /** Unix seconds. */
  StatusUpdatedAt: number;
  Events: NodeEvent[];
  Drivers: Record<string, DriverInfo>;
  CSIControllerPlugins: Record<string, unknown>;
  CSINodePlugins: Record<string, unknown>;
  HostVolumes: Record<string, unknown> | null;
  LastDrain: DrainMetadata | null;
  CreateIndex: number;
  ModifyIndex: number;
}

export interface TaskState {
  State: "pending" | "running" | "dead";
  Failed: boolean;
  Restarts: number;
  LastRestart: string | null;
  StartedAt: string | null;
  FinishedAt: string | null;
  Events: unknown[];
}

export interface DeploymentStatus {
  Healthy: boolean | null;
  Timestamp: string;
  Canary: boolean;
  ModifyIndex: number;
}

export interface Allocation {
  ID: string;
  Namespace: string;
  EvalID: string;
  Name: string;
  NodeID: string;
  NodeName: string;
  JobID: string;
  Job: Job;
  TaskGroup: string;
  DesiredStatus: "run" | "stop";
  DesiredDescription: string;
  DesiredTransition: { Migrate: boolean | null };
  ClientStatus: ClientStatus;
  ClientDescription: string;
  TaskStates: Record<string, TaskState> | null;
  PreviousAllocation: string;
  NextAllocation: string;
  DeploymentID: string;
  DeploymentStatus: DeploymentStatus | null;
  FollowupEvalID: string;
  CreateIndex: number;
  ModifyIndex: number;
  /** Nanoseconds. */
  CreateTime: number;
  ModifyTime: number;
}

export interface TaskGroup {
  Name: string;
  Count: number;
  Migrate: {
    MaxParallel: number;
    HealthCheck: string;
    MinHealthyTime: number;
    HealthyDeadline: number;
  } | null;
  /** Services alone have one. Times are nanoseconds. */
  Update: {
    MaxParallel: number;
    HealthCheck: string;
    MinHealthyTime: number;
    HealthyDeadline: number;
    ProgressDeadline: number;
    AutoRevert: boolean;
    Canary: number;
  } | null;
  /** Nanoseconds. */
  MaxClientDisconnect: number | null;
  EphemeralDisk: { Sticky: boolean; SizeMB: number; Migrate: boolean };
  Volumes: Record<string, { Name: string; Type: string; Source: string; PerAlloc: boolean }> | null;
  Tasks: {
    Name: string;
    Driver: string;
    KillTimeout: number;
    Lifecycle: { Hook: string; Sidecar: boolean } | null;
    CSIPluginConfig: { ID: string } | null;
  }[];
}

export interface Job {
  ID: string;
  Name: string;
  Namespace: string;
  Region: string;
  Type: JobType;
  Priority: number;
  Datacenters: string[];
  NodePool: string;
  Constraints: { LTarget: string; RTarget: string; Operand: string }[] | null;
  TaskGroups: TaskGroup[];
  Status: string;
  Stop: boolean;
  Version: number;
  CreateIndex: number;
  ModifyIndex: number;
  JobModifyIndex: number;
}

/** How far a version of a service has come. */
export interface Deployment {
  ID: string;
  Namespace: string;
  JobID: string;
  JobVersion: number;
  JobModifyIndex: number;
  JobCreateIndex: number;
  IsMultiregion: boolean;
  Status: "running" | "successful" | "failed" | "cancelled";
  StatusDescription: string;
  TaskGroups: Record<
    string,
    {
      AutoRevert: boolean;
      AutoPromote: boolean;
      /** Nanoseconds. */
      ProgressDeadline: number;
      /** Null until the first allocation is placed. */
      RequireProgressBy: string | null;
      Promoted: boolean;
      PlacedCanaries: string[] | null;
      DesiredCanaries: number;
      DesiredTotal: number;
      PlacedAllocs: number;
      HealthyAllocs: number;
      UnhealthyAllocs: number;
    }
  >;
  CreateIndex: number;
  ModifyIndex: number;
}

export interface Volume {
  ID: string;
  Namespace: string;
  PluginID: string;
  /** Allocations that are made to use it. */
  users: Set<string>;
  /** Those whose claim has not been released. */
  claims: Set<string>;
  releaseSeconds?: number;
}

/** The client's last word: no task of the allocation should be alive. */
export const isClientTerminal = (alloc: Allocation): boolean =>
  alloc.ClientStatus === "complete" ||
  alloc.ClientStatus === "failed" ||
  alloc.ClientStatus === "lost";

/** Either side has ended it. */
export const isTerminal = (alloc: Allocation): boolean =>
  alloc.DesiredStatus === "stop" || isClientTerminal(alloc);

/** CSI plugins outlive a drain like system jobs do, whatever their type. */
export const isPlugin = (job: Job): boolean =>
  job.TaskGroups.some((group) => group.Tasks.some((task) => task.CSIPluginConfig !== null));

export const jobKey = (job: { Namespace: string; ID: string }): string =>
  `${job.Namespace}/${job.ID}`;

export const jobKeyOf = (alloc: Allocation): string => `${alloc.Namespace}/${alloc.JobID}`;
