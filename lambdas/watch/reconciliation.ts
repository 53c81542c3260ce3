import * as v from "valibot";
import { hook } from "../retire/retirement.ts";

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

/** A service that did not answer, so that nothing is decided about what it knows. */
export const unknownPart = v.object({ part: v.string(), why: v.string() });
export type UnknownPart = v.InferOutput<typeof unknownPart>;

export const lookAtAws = v.object({
  mode: v.picklist(["report", "repair"]),
  /** What comes next in the state machine. */
  next: v.picklist(["look-again", "repair", "report", "leave"]),
  /** One sentence for the person who reads it. */
  explanation: v.string(),
  waitSeconds: v.number(),
  /** Whether this was the second look, which what may be recent waits for. */
  isSecond: v.boolean(),
  orphans: v.array(orphan),
  /** Instances that wait, and that a person keeps from Drover by a tag. */
  held: v.array(v.string()),
  leases: v.array(deadLease),
  unknown: v.array(unknownPart),
});
export type LookAtAws = v.InferOutput<typeof lookAtAws>;

/** What became of one finding. */
export const repair = v.object({
  what: v.string(),
  outcome: v.picklist(["repaired", "left", "failed"]),
  why: v.string(),
});
export type Repair = v.InferOutput<typeof repair>;

export const repairOwnership = v.object({ repairs: v.array(repair) });
