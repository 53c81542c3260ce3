import type { IFunction } from "aws-cdk-lib/aws-lambda";

/** How a task's function is run. */
export interface TaskTraits {
  /**
   * Whether it talks to Nomad or Consul. Only such functions run in the VPC:
   * heartbeats, completions and records go on when the network is broken.
   */
  readonly inVpc: boolean;
  /** The function's time-out in seconds; its Task state waits a little longer. */
  readonly timeoutSeconds: number;
  /** Memory in MiB. */
  readonly memory: number;
}

const quick = { inVpc: false, timeoutSeconds: 30, memory: 256 } as const;
const inVpc = { inVpc: true, timeoutSeconds: 60, memory: 256 } as const;

/** The tasks of `retire-node`, by the path of their handler under `lambdas/`. */
export const retireTasks = {
  "retire/take-ownership": quick,
  "retire/find-node": inVpc,
  "retire/keep-alive": quick,
  "retire/cordon-node": inVpc,
  "retire/count-drains": inVpc,
  "retire/take-slot": quick,
  // Waits for up to 13 minutes in one call (`roundSeconds`), with room for a last
  // answer; most of its cost is its memory.
  "retire/drain-node": { inVpc: true, timeoutSeconds: 840, memory: 128 },
  "retire/complete-hook": quick,
  "retire/await-termination": quick,
  "retire/forget-node": inVpc,
  "retire/look-again": inVpc,
  "retire/record-retirement": quick,
  "retire/recover": quick,
} as const satisfies Record<string, TaskTraits>;

/** The tasks of `doctor`. */
export const doctorTasks = {
  "watch/check-groups": { inVpc: false, timeoutSeconds: 300, memory: 256 },
  // Has Nomad hold a query for the longest wait of a drain, beside everything else.
  "watch/check-nomad": { inVpc: true, timeoutSeconds: 240, memory: 256 },
  "watch/check-consul": { inVpc: true, timeoutSeconds: 120, memory: 256 },
  "watch/report-findings": quick,
} as const satisfies Record<string, TaskTraits>;

/** The tasks of `reconcile`. */
export const reconcileTasks = {
  "watch/look-at-aws": { inVpc: false, timeoutSeconds: 120, memory: 256 },
  "watch/look-at-cluster": { inVpc: true, timeoutSeconds: 120, memory: 256 },
  // Alone with EC2's client, and with the right to describe any instance.
  "watch/plan-repairs": { inVpc: false, timeoutSeconds: 60, memory: 256 },
  // Consul takes up to 20 seconds for each that it forgets.
  "watch/repair-cluster": { inVpc: true, timeoutSeconds: 600, memory: 256 },
  "watch/repair-ownership": { inVpc: false, timeoutSeconds: 120, memory: 256 },
  "watch/report-repairs": quick,
} as const satisfies Record<string, TaskTraits>;

/** What the rules start. */
export const intakeTask = { "intake/intake": quick } as const satisfies Record<string, TaskTraits>;

/** The tasks of `publish-bundle`, which belongs to a store of bundles and not to a Drover. */
export const publishTasks = {
  "config/read-order": quick,
  // One request for each machine of the pool.
  "config/show-bundles": { inVpc: false, timeoutSeconds: 120, memory: 256 },
  // Reads an archive of up to 512 MiB; a function's processor grows with its memory.
  "config/check-bundle": { inVpc: false, timeoutSeconds: 300, memory: 1024 },
  "config/move-channel": { inVpc: false, timeoutSeconds: 60, memory: 256 },
  "config/prune-bundles": { inVpc: false, timeoutSeconds: 840, memory: 256 },
} as const satisfies Record<string, TaskTraits>;

/** The tasks of a Drover. */
export const droverTasks = { ...intakeTask, ...retireTasks, ...doctorTasks, ...reconcileTasks };

export const allTasks = { ...droverTasks, ...publishTasks };

export type RetireTask = keyof typeof retireTasks;
export type DoctorTask = keyof typeof doctorTasks;
export type ReconcileTask = keyof typeof reconcileTasks;
export type PublishTask = keyof typeof publishTasks;
export type DroverTask = keyof typeof droverTasks;
export type Task = keyof typeof allTasks;

/** Gives the function (a version of it, so that a deploy changes nothing under a running execution). */
export type TaskFunctions<Some extends Task = DroverTask> = (task: Some) => IFunction;
