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
  next: v.picklist(["retire", "complete", "look-again", "give-up", "refuse"]),
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

export const slot = v.object({
  taken: v.boolean(),
  /** Whether the drain goes on without one, because the hook would not live through the queue. */
  without: v.boolean(),
  explanation: v.string(),
  waitSeconds: v.number(),
  queuedSince: v.string(),
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

/** Allocations whose ephemeral disk has to reach its replacement before the node may end. */
export const migratingDisk = v.object({
  allocation: v.string(),
  namespace: v.string(),
});
export type MigratingDisk = v.InferOutput<typeof migratingDisk>;

export const drain = v.object({
  pass: v.picklist(["work", "system"]),
  status: v.picklist(["draining", "drained"]),
  outcome: v.picklist(["clean", "forced", "none"]),
  explanation: v.string(),
  startedAt: v.string(),
  /** When Nomad stops what is left; fixed when the drain began. */
  until: v.string(),
  /** When Drover decides the hook, whatever Nomad says. */
  giveUpAt: v.string(),
  waitSeconds: v.number(),
  /** At most ten, by job. */
  blockers: v.array(blocker),
  /** Allocations that were live when the pass began. */
  allocations: v.number(),
  migratingDisks: v.array(migratingDisk),
});
export type Drain = v.InferOutput<typeof drain>;

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
  /** Only by hand: whether the group launches another instance in its place. */
  capacity: v.nullable(v.picklist(["replace", "shrink"])),
  settings: poolSettings,
  /** There only while the stop parameter holds everything still. */
  stopped: v.optional(v.object({ waitSeconds: v.number(), explanation: v.string() })),
});
export type Retirement = v.InferOutput<typeof retirement>;
