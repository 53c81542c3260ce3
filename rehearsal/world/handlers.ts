import * as intake from "../../lambdas/intake/intake.ts";
import * as takeOwnership from "../../lambdas/retire/take-ownership.ts";
import * as findNode from "../../lambdas/retire/find-node.ts";
import * as keepAlive from "../../lambdas/retire/keep-alive.ts";
import * as cordonNode from "../../lambdas/retire/cordon-node.ts";
import * as countDrains from "../../lambdas/retire/count-drains.ts";
import * as takeSlot from "../../lambdas/retire/take-slot.ts";
import * as drainNode from "../../lambdas/retire/drain-node.ts";
import * as completeHook from "../../lambdas/retire/complete-hook.ts";
import * as awaitTermination from "../../lambdas/retire/await-termination.ts";
import * as forgetNode from "../../lambdas/retire/forget-node.ts";
import * as lookAgain from "../../lambdas/retire/look-again.ts";
import * as recordRetirement from "../../lambdas/retire/record-retirement.ts";
import * as recover from "../../lambdas/retire/recover.ts";
import * as checkGroups from "../../lambdas/watch/check-groups.ts";
import * as checkNomad from "../../lambdas/watch/check-nomad.ts";
import * as checkConsul from "../../lambdas/watch/check-consul.ts";
import * as reportFindings from "../../lambdas/watch/report-findings.ts";
import * as lookAtAws from "../../lambdas/watch/look-at-aws.ts";
import * as lookAtCluster from "../../lambdas/watch/look-at-cluster.ts";
import * as planRepairs from "../../lambdas/watch/plan-repairs.ts";
import * as repairCluster from "../../lambdas/watch/repair-cluster.ts";
import * as repairOwnership from "../../lambdas/watch/repair-ownership.ts";
import * as reportRepairs from "../../lambdas/watch/report-repairs.ts";
import * as readOrder from "../../lambdas/config/read-order.ts";
import * as showBundles from "../../lambdas/config/show-bundles.ts";
import * as checkBundle from "../../lambdas/config/check-bundle.ts";
import * as moveChannel from "../../lambdas/config/move-channel.ts";
import * as pruneBundles from "../../lambdas/config/prune-bundles.ts";
import type { Surroundings } from "../../lambdas/runtime/surroundings.ts";
import type { TaskHandler } from "../../lambdas/runtime/task.ts";
import type { Task } from "../../stepfunctions/tasks.ts";

export interface HandlerModule {
  readonly createHandler: (surroundings: Surroundings) => TaskHandler;
}

/** The handlers of all tasks: the compiler misses the one that is left out. */
const modules: Readonly<Record<Task, HandlerModule>> = {
  "intake/intake": intake,
  "retire/take-ownership": takeOwnership,
  "retire/find-node": findNode,
  "retire/keep-alive": keepAlive,
  "retire/cordon-node": cordonNode,
  "retire/count-drains": countDrains,
  "retire/take-slot": takeSlot,
  "retire/drain-node": drainNode,
  "retire/complete-hook": completeHook,
  "retire/await-termination": awaitTermination,
  "retire/forget-node": forgetNode,
  "retire/look-again": lookAgain,
  "retire/record-retirement": recordRetirement,
  "retire/recover": recover,
  "watch/check-groups": checkGroups,
  "watch/check-nomad": checkNomad,
  "watch/check-consul": checkConsul,
  "watch/report-findings": reportFindings,
  "watch/look-at-aws": lookAtAws,
  "watch/look-at-cluster": lookAtCluster,
  "watch/plan-repairs": planRepairs,
  "watch/repair-cluster": repairCluster,
  "watch/repair-ownership": repairOwnership,
  "watch/report-repairs": reportRepairs,
  "config/read-order": readOrder,
  "config/show-bundles": showBundles,
  "config/check-bundle": checkBundle,
  "config/move-channel": moveChannel,
  "config/prune-bundles": pruneBundles,
};

/**
 * The handler of a function, by the task that its metadata names.
 *
 * @throws for a task that this version does not have
 */
export const findHandler = (task: string): HandlerModule => {
  const module = (modules as Readonly<Record<string, HandlerModule>>)[task];
  if (module === undefined) throw new Error(`there is no handler for the task ${task}`);
  return module;
};

/** The task of a handler, known by the function itself; undefined for one of somebody else. */
export const taskOf = ({ createHandler }: HandlerModule): string | undefined =>
  Object.entries(modules).find(([, module]) => module.createHandler === createHandler)?.[0];
