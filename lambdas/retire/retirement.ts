import * as v from "valibot";
import { poolSettings } from "../runtime/pool-settings.ts";

/**
 * What an execution of `retire-node` carries from state to state. It is made
 * for a person who reads it in the console: every field stands for one
 * question, times are ISO 8601 in UTC, spans are whole seconds, and nothing in
 * it grows with the size of the cluster.
 */

/** The lifecycle action that holds the terminating instance, as Auto Scaling announced it. */
export const hook = v.object({
  name: v.string(),
  /** Names this one action; absent when the action was found by looking, not by its event. */
  token: v.optional(v.string()),
  /** The hook's heartbeat time-out in seconds. */
  heartbeatSeconds: v.number(),
  startedAt: v.string(),
  /** When Auto Scaling decides by itself, whatever heartbeats it gets: min(48 h, 100 heartbeats). */
  deadline: v.string(),
});
export type Hook = v.InferOutput<typeof hook>;

/** What *find node* answers. */
export const nodeAnswers = [
  "registered",
  "ambiguous",
  "down",
  "unregistered",
  "server",
  "refused",
  "unreachable",
] as const;
export type NodeAnswer = (typeof nodeAnswers)[number];

export const node = v.object({
  answer: v.picklist(nodeAnswers),
  /** What the state machine does next. */
  next: v.picklist(["retire", "complete", "look-again", "begin-again", "give-up", "refuse"]),
  /** One sentence for the person who reads it. */
  explanation: v.string(),
  waitSeconds: v.number(),
  /** When this answer was first given in a row; what decides how long it is bearable. */
  since: v.string(),
  id: v.optional(v.string()),
  name: v.optional(v.string()),
  /** Consul's name of the member, taken down before anything is purged. */
  member: v.optional(v.string()),
});
export type Node = v.InferOutput<typeof node>;

export const volume = v.object({ id: v.string(), namespace: v.string() });
export type Volume = v.InferOutput<typeof volume>;

/** Allocations whose ephemeral disk has to reach its replacement before the node may end. */
export const migratingDisk = v.object({
  allocation: v.string(),
  namespace: v.string(),
});
export type MigratingDisk = v.InferOutput<typeof migratingDisk>;

export const drains = v.object({
  /** Drains under way in the cluster that are not Drover's. */
  byOthers: v.number(),
  /** The executions that asked for those that are Drover's; one that has died has no slot any more. */
  byDrover: v.optional(v.array(v.string()), []),
  /** How many nodes of the cluster may drain at once with these servers; null is no limit of theirs. */
  limit: v.nullable(v.number()),
  explanation: v.string(),
});
export type Drains = v.InferOutput<typeof drains>;

export const cordon = v.object({
  at: v.string(),
  /** Made so by Drover, or found like that (by a person, or a drain of theirs). */
  by: v.picklist(["drover", "somebody else"]),
  /** CSI volumes in use on the node: their claims must be gone before it may end. */
  volumes: v.array(volume),
  migratingDisks: v.array(migratingDisk),
  /** Counted at the cordon, and again before each further try to take a slot. */
  drains,
});
export type Cordon = v.InferOutput<typeof cordon>;

export const slot = v.object({
  taken: v.boolean(),
  /** Whether the drain goes on without one, because the hook would not live through the queue. */
  without: v.boolean(),
  explanation: v.string(),
  waitSeconds: v.number(),
  /** Whether the drains in the cluster are counted anew before the next try, since they decide it. */
  countFirst: v.optional(v.literal(true)),
  queuedSince: v.string(),
  /** When it was given, or when the drain went on without; absent while it waits. */
  takenAt: v.optional(v.string()),
  /** How many slots of the cluster were taken, this one among them. */
  underWay: v.number(),
  /** The keys of the leases that are held, in the table of records. */
  leases: v.array(v.string()),
});
export type Slot = v.InferOutput<typeof slot>;

/** One job that still holds the node, oldest first. */
export const blocker = v.object({
  job: v.string(),
  namespace: v.string(),
  type: v.string(),
  since: v.string(),
  allocations: v.number(),
  why: v.string(),
});
export type Blocker = v.InferOutput<typeof blocker>;

export const drain = v.object({
  pass: v.picklist(["work", "system"]),
  /** `takenAt` of the slot with which this pass was begun. */
  slotTakenAt: v.optional(v.string()),
  status: v.picklist(["draining", "drained"]),
  outcome: v.picklist(["clean", "forced", "none"]),
  explanation: v.string(),
  /** When the first pass began. */
  beganAt: v.string(),
  /** When this pass began. */
  startedAt: v.string(),
  endedAt: v.optional(v.string()),
  /** When Nomad stops what is left; fixed when the drain began. */
  until: v.string(),
  /** When Drover decides the hook, whatever Nomad says. */
  giveUpAt: v.string(),
  waitSeconds: v.number(),
  /** At most ten, by job. */
  blockers: v.array(blocker),
  /** Those that were still there when their deadline came, of either pass. */
  cutOff: v.array(blocker),
  /** Allocations that were live when the first pass began. */
  allocations: v.number(),
});
export type Drain = v.InferOutput<typeof drain>;

export const completion = v.object({
  /**
   * What became of the hook: completed by us with this result, over before we
   * came (`expired`), held while Drover is stopped, none (the instance was
   * terminated by us and its hook is completed as it appears).
   */
  decision: v.picklist(["CONTINUE", "ABANDON", "expired", "held", "none"]),
  at: v.string(),
  explanation: v.string(),
  waitSeconds: v.number(),
});
export type Completion = v.InferOutput<typeof completion>;

export const termination = v.object({
  state: v.picklist(["terminating", "gone", "retained", "warm pool", "held"]),
  since: v.string(),
  explanation: v.string(),
  waitSeconds: v.number(),
});
export type Termination = v.InferOutput<typeof termination>;

export const forgotten = v.object({
  done: v.boolean(),
  since: v.string(),
  explanation: v.string(),
  waitSeconds: v.number(),
  nomad: v.picklist(["purged", "unknown", "left to garbage collection", "left alone", "to do"]),
  consul: v.picklist(["deregistered", "unknown", "not used", "left alone", "to do"]),
});
export type Forgotten = v.InferOutput<typeof forgotten>;

export const retirement = v.object({
  instanceId: v.string(),
  pool: v.string(),
  group: v.string(),
  /** Why: in a person's words. */
  reason: v.string(),
  since: v.string(),
  /** ARN of the execution that owns the instance. */
  execution: v.string(),
  /** Null when a person started the retirement of a running instance. */
  hook: v.nullable(hook),
  /** Where the instance goes from here. */
  destination: v.picklist(["terminated", "warm pool"]),
  /** Only by hand: whether the group launches another instance in its place. */
  capacity: v.nullable(v.picklist(["replace", "shrink"])),
  settings: poolSettings,
  /** There only while the stop parameter, or settings that are not right, hold everything still. */
  stopped: v.optional(v.object({ waitSeconds: v.number(), explanation: v.string() })),
});
export type Retirement = v.InferOutput<typeof retirement>;
