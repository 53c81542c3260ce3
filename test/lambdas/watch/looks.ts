import type {
  LookAtAws,
  LookAtCluster,
  Mark,
  Plan,
} from "../../../lambdas/watch/reconciliation.ts";
import { executionArnOf } from "../executions.ts";

/** What the states of `reconcile` hand on, with nothing in it but what a test puts there. */

export const markOf = (instanceId: string, changed: Partial<Mark> = {}): Mark => ({
  instanceId,
  pool: "workers",
  execution: executionArnOf(`retire-${instanceId}`),
  phase: "retiring",
  where: "gone",
  executions: [executionArnOf(`retire-${instanceId}`)],
  since: "2026-01-05T09:00:00.000Z",
  isKnown: true,
  isRecent: false,
  member: instanceId,
  ...changed,
});

export const awsWith = (changed: Partial<LookAtAws> = {}): LookAtAws => ({
  mode: "repair",
  next: "look-at-cluster",
  asksCluster: true,
  explanation: "0 instances wait without an owner, 0 slots are held by the dead.",
  waitSeconds: 0,
  isSecond: false,
  orphans: [],
  held: [],
  leases: [],
  marks: [],
  inService: 2,
  unknown: [],
  ...changed,
});

export const clusterWith = (changed: Partial<LookAtCluster> = {}): LookAtCluster => ({
  down: [],
  marks: [],
  unknown: [],
  ...changed,
});

export const planWith = (changed: Partial<Plan> = {}): Plan => ({
  next: "repair",
  forget: [],
  giveBack: [],
  settle: [],
  capped: 0,
  findings: [],
  unknown: [],
  ...changed,
});
