import * as v from "valibot";
import { hook, volume } from "../retire/retirement.ts";

/**
 * What an execution of `reconcile` carries from state to state, for a person who
 * reads it in the console. Nothing in it grows with the size of the cluster: of
 * each kind at most `mostOfAKind` are handled in one run, the next one has the rest.
 */
export const mostOfAKind = 50;

/** Of the lease by which one run repairs at a time. */
export const runLeaseKey = "lease#reconcile";

/** An instance that waits under our hook, and nobody takes care of it. */
export const orphan = v.object({
  instanceId: v.string(),
  group: v.string(),
  pool: v.string(),
  /** One sentence for the person who reads it. */
  why: v.string(),
  /** The execution that had it and has ended; null when there is none. */
  owner: v.nullable(v.string()),
  /** Whether an event may still be on its way, or its execution about to start. */
  isRecent: v.boolean(),
  reason: v.string(),
  since: v.string(),
  hook,
});
export type Orphan = v.InferOutput<typeof orphan>;

/** A slot whose holder has ended. */
export const deadLease = v.object({
  key: v.string(),
  holder: v.string(),
  isRecent: v.boolean(),
});
export type DeadLease = v.InferOutput<typeof deadLease>;

/** What a retirement that has ended may have left: its record says that it is not over. */
export const mark = v.object({
  instanceId: v.string(),
  pool: v.string(),
  execution: v.string(),
  phase: v.picklist(["retiring", "failed"]),
  /** Whether a group still has the instance, and lets it work. */
  where: v.picklist(["gone", "staying"]),
  /** It and those before it that gave nothing back. */
  executions: v.array(v.string()),
  /** When the one began that cordoned the node, or the last. */
  since: v.string(),
  /** Whether anybody remembers what its execution knew. */
  isKnown: v.boolean(),
  /** Whether a function of its execution may still be at work. */
  isRecent: v.boolean(),
  nodeId: v.optional(v.string()),
  /** Consul's name of the member. */
  member: v.optional(v.string()),
  /** When Drover cordoned the node, or was about to; absent when it was not Drover, or nobody knows. */
  cordonedAt: v.optional(v.string()),
  /** CSI volumes that were in use on the node then. */
  volumes: v.optional(v.array(volume)),
});
export type Mark = v.InferOutput<typeof mark>;

/** A service that did not answer, so that nothing is decided about what it knows. */
export const unknownPart = v.object({ part: v.string(), why: v.string() });
export type UnknownPart = v.InferOutput<typeof unknownPart>;

export const lookAtAws = v.object({
  mode: v.picklist(["report", "repair"]),
  /** What comes next in the state machine. */
  next: v.picklist(["look-again", "repair", "look-at-cluster", "report", "leave"]),
  /** Whether Nomad and Consul may remember something that is over. */
  asksCluster: v.boolean(),
  /** One sentence for the person who reads it. */
  explanation: v.string(),
  waitSeconds: v.number(),
  /** Whether this was the second look, which what may be recent waits for. */
  isSecond: v.boolean(),
  orphans: v.array(orphan),
  /** Instances that wait, and that a person keeps from Drover by a tag. */
  held: v.array(v.string()),
  leases: v.array(deadLease),
  marks: v.array(mark),
  /** How many instances our groups have in service. */
  inService: v.number(),
  unknown: v.array(unknownPart),
});
export type LookAtAws = v.InferOutput<typeof lookAtAws>;

/** A node that is down, on an EC2 instance. */
export const downNode = v.object({
  instanceId: v.string(),
  nodeId: v.string(),
  name: v.string(),
  member: v.optional(v.string()),
  /** Why it is a server, which no job touches. */
  server: v.optional(v.string()),
});
export type DownNode = v.InferOutput<typeof downNode>;

/** What Nomad and Consul say of the instance of a mark. */
export const markSeen = v.object({
  instanceId: v.string(),
  nodeId: v.optional(v.string()),
  status: v.optional(v.string()),
  member: v.optional(v.string()),
  /** Null when Consul was not asked, or did not answer. */
  inConsul: v.nullable(v.boolean()),
  cordon: v.picklist(["none", "ours", "theirs", "unclear"]),
  why: v.string(),
  server: v.optional(v.string()),
});
export type MarkSeen = v.InferOutput<typeof markSeen>;

export const lookAtCluster = v.object({
  down: v.array(downNode),
  marks: v.array(markSeen),
  unknown: v.array(unknownPart),
});
export type LookAtCluster = v.InferOutput<typeof lookAtCluster>;

/** Something of an instance that has ended. */
export const toForget = v.object({
  instanceId: v.string(),
  execution: v.string(),
  nodeId: v.optional(v.string()),
  member: v.optional(v.string()),
  volumes: v.optional(v.array(volume)),
  why: v.string(),
});
export type ToForget = v.InferOutput<typeof toForget>;

/** The cordon of a node whose instance stays. */
export const toGiveBack = v.object({ mark, nodeId: v.string(), why: v.string() });
export type ToGiveBack = v.InferOutput<typeof toGiveBack>;

/** A record that says what is no longer so. */
export const toSettle = v.object({
  instanceId: v.string(),
  execution: v.string(),
  phase: v.picklist(["retired", "failed"]),
});
export type ToSettle = v.InferOutput<typeof toSettle>;

export const plan = v.object({
  next: v.picklist(["repair", "report"]),
  forget: v.array(toForget),
  giveBack: v.array(toGiveBack),
  settle: v.array(toSettle),
  /** How many instances were to be forgotten, when they were too many to be believed. */
  capped: v.number(),
  findings: v.array(v.string()),
  unknown: v.array(unknownPart),
});
export type Plan = v.InferOutput<typeof plan>;

/** What became of one finding. */
export const repair = v.object({
  what: v.string(),
  instanceId: v.optional(v.string()),
  outcome: v.picklist(["repaired", "left", "failed"]),
  why: v.string(),
});
export type Repair = v.InferOutput<typeof repair>;
