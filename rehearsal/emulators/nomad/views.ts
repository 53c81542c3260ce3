import type { Allocation, Job, Node } from "./records.ts";

/** `GET /v1/node/:id`. */
export const viewNode = (node: Node) => ({
  ...node,
  SecretID: "",
  NodeResources: null,
  ReservedResources: null,
  HostNetworks: null,
  LastMissedHeartbeatIndex: 0,
  LastAllocUpdateIndex: 0,
  Drain: node.DrainStrategy !== null,
});

/** A row of `GET /v1/nodes`: it has LastDrain, but neither attributes nor the drain strategy. */
export const viewNodeStub = (node: Node) => ({
  Address: node.HTTPAddr.replace(/:\d+$/, ""),
  ID: node.ID,
  Datacenter: node.Datacenter,
  Name: node.Name,
  NodePool: node.NodePool,
  NodeClass: node.NodeClass,
  Version: node.Attributes["nomad.version"] ?? "",
  Drain: node.DrainStrategy !== null,
  SchedulingEligibility: node.SchedulingEligibility,
  Status: node.Status,
  StatusDescription: node.StatusDescription,
  Drivers: node.Drivers,
  HostVolumes: node.HostVolumes,
  LastDrain: node.LastDrain,
  CreateIndex: node.CreateIndex,
  ModifyIndex: node.ModifyIndex,
});

/** Fields that say nothing are left out of a whole allocation, as Go's codec does there. */
export const viewAllocation = (alloc: Allocation) =>
  Object.fromEntries(
    Object.entries(alloc).filter(([, value]) => value !== "" && value !== null && value !== 0),
  );

/** A row of `GET /v1/allocations`. It does not carry the job. */
export const viewAllocationStub = (alloc: Allocation) => ({
  ID: alloc.ID,
  EvalID: alloc.EvalID,
  Name: alloc.Name,
  Namespace: alloc.Namespace,
  NodeID: alloc.NodeID,
  NodeName: alloc.NodeName,
  JobID: alloc.JobID,
  JobType: alloc.Job.Type,
  JobVersion: alloc.Job.Version,
  TaskGroup: alloc.TaskGroup,
  DesiredStatus: alloc.DesiredStatus,
  DesiredDescription: alloc.DesiredDescription,
  ClientStatus: alloc.ClientStatus,
  ClientDescription: alloc.ClientDescription,
  DesiredTransition: {
    Migrate: alloc.DesiredTransition.Migrate,
    Reschedule: null,
    ForceReschedule: null,
    NoShutdownDelay: null,
  },
  TaskStates: alloc.TaskStates,
  DeploymentStatus: alloc.DeploymentStatus,
  FollowupEvalID: alloc.FollowupEvalID,
  NextAllocation: alloc.NextAllocation,
  RescheduleTracker: null,
  PreemptedAllocations: null,
  PreemptedByAllocation: "",
  CreateIndex: alloc.CreateIndex,
  ModifyIndex: alloc.ModifyIndex,
  CreateTime: alloc.CreateTime,
  ModifyTime: alloc.ModifyTime,
});

/** A row of `GET /v1/jobs`. */
export const viewJobStub = (job: Job) => ({
  ID: job.ID,
  ParentID: "",
  Name: job.Name,
  Namespace: job.Namespace,
  Datacenters: job.Datacenters,
  NodePool: job.NodePool,
  Type: job.Type,
  Priority: job.Priority,
  Periodic: false,
  ParameterizedJob: false,
  Stop: job.Stop,
  Status: job.Status,
  StatusDescription: "",
  CreateIndex: job.CreateIndex,
  ModifyIndex: job.ModifyIndex,
  JobModifyIndex: job.JobModifyIndex,
});
