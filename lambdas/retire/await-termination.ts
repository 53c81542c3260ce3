import * as v from "valibot";
import { autoScalingClient, type GroupInstance } from "../clients/auto-scaling.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { hookPrefix } from "./hook-names.ts";
import { completion, drain, retirement, type Termination, termination } from "./retirement.ts";
import { decideHook, isDrainFailed } from "./rules/decide-hook.ts";
import { growingWaitSeconds } from "./rules/deadlines.ts";

const input = v.object({
  ...retirement.entries,
  drain: v.optional(drain),
  completion,
  termination: v.optional(termination),
});

/** An instance takes seconds to minutes to end; other hooks of its group may take hours. */
const pause = { least: 10, most: 120 };

const describe = (
  instance: GroupInstance | undefined,
): Pick<Termination, "state" | "explanation"> => {
  if (!instance) return { state: "gone", explanation: "The group has let the instance go." };
  const { lifecycleState } = instance;
  if (lifecycleState.endsWith(":Retained")) {
    return {
      state: "retained",
      explanation: "The group keeps the instance for a person, who has to terminate it.",
    };
  }
  // One that is terminated out of the pool is on its way like any other.
  if (lifecycleState.startsWith("Warmed:") && !lifecycleState.startsWith("Warmed:Terminating")) {
    return { state: "warm pool", explanation: "The instance waits in the warm pool." };
  }
  return { state: "terminating", explanation: `The instance is ${lifecycleState}.` };
};

/**
 * Looks whether the instance has ended. Until then nothing may be forgotten: a
 * live agent would undo it, and worse (nomad-consul.md).
 */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const autoScaling = autoScalingClient(surroundings);
  const { clock, random } = surroundings;

  return task(surroundings, input, async (retirement, { log, metrics }): Promise<Termination> => {
    const now = clock.now();
    const since = retirement.termination?.since ?? new Date(now).toISOString();
    if (retirement.completion.decision === "held") {
      return {
        state: "held",
        since,
        explanation: retirement.completion.explanation,
        waitSeconds: 0,
      };
    }
    const instance = await autoScaling.describeInstance(retirement.instanceId);
    const { state, explanation } = describe(instance);
    if (state === "retained") metrics.report(retirement.pool, { InstancesRetained: 1 });
    const isKept = retirement.settings.observeOnly && !retirement.hook && state === "terminating";
    if (isKept) {
      return {
        state: "retained",
        since,
        explanation: "The pool is observe-only: the instance stays.",
        waitSeconds: 0,
      };
    }
    if (state !== "terminating") {
      log.info(explanation);
      return { state, since, explanation, waitSeconds: 0 };
    }
    // Terminated by us, or moved on from a hook that had no event: everything that
    // waits under one of our names is decided, since its node is drained as far as it could be.
    if (instance?.lifecycleState.endsWith("Terminating:Wait")) {
      const hooks = await autoScaling.terminationHooks(instance.group);
      for (const { name } of hooks) {
        if (!name.startsWith(hookPrefix(settings.DROVER_CLUSTER))) continue;
        const action = { group: instance.group, hook: name, instanceId: retirement.instanceId };
        const result = decideHook(retirement.settings, isDrainFailed(retirement.drain));
        if (await autoScaling.complete(action, result))
          log.info("completed the hook", { hook: name, result });
      }
    }
    const waited = (now - Date.parse(since)) / 1000;
    return { state, since, explanation, waitSeconds: growingWaitSeconds(waited, pause, random) };
  });
};

export const handler = wired(createHandler);
