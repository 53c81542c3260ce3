import * as v from "valibot";
import { autoScalingClient } from "../clients/auto-scaling.ts";
import { dynamoRecords } from "../clients/records.ts";
import { parameterSwitches } from "../clients/switches.ts";
import { InputRefused } from "../runtime/errors.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { currentHook } from "./current-hook.ts";
import { actionOf } from "./heartbeat.ts";
import { type Completion, drain, node, retirement, slot } from "./retirement.ts";
import { decideHook, isDrainFailed } from "./rules/decide-hook.ts";
import { heldWaitSeconds, isHookRunningOut } from "./rules/deadlines.ts";

const input = v.object({
  ...retirement.entries,
  node: v.optional(node),
  slot: v.optional(slot),
  drain: v.optional(drain),
});

/** How long EC2 mostly takes to end an instance, in seconds: before that nobody need look. */
const usualEnd = 75;
/** How long Auto Scaling takes until the hook of an instance that we terminated waits, in seconds. */
const hookAppears = 10;

/**
 * Lets the next node drain, and the instance go. A retirement that a person
 * started has no hook yet: the instance is terminated, and *await termination*
 * completes the hook that this fires.
 */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  const autoScaling = autoScalingClient(surroundings);
  const switches = parameterSwitches(surroundings, settings);
  const { clock } = surroundings;

  return task(surroundings, input, async (known, { log, metrics }): Promise<Completion> => {
    const leases = known.slot?.leases ?? [];
    await Promise.all(leases.map((key) => records.releaseLease(key, known.execution)));
    const hook = await currentHook(records, known);
    const answer = (
      decision: Completion["decision"],
      explanation: string,
      waitSeconds = usualEnd,
    ): Completion => {
      log.info(explanation, { decision });
      return { decision, at: new Date(clock.now()).toISOString(), explanation, waitSeconds };
    };
    if ((await switches.isStopped()) && !isHookRunningOut(hook, clock.now())) {
      return answer(
        "held",
        "Drover is stopped: the instance is kept. Set the stop parameter to go.",
        heldWaitSeconds(known.since, hook, clock.now()),
      );
    }

    const action = actionOf({ ...known, hook });
    if (!action) {
      const instance = await autoScaling.describeInstance(known.instanceId);
      if (!instance) {
        // Auto Scaling says nothing of what it lets go without a hook: a live node that
        // was forgotten would come back, and take work.
        if (known.node?.next === "retire") {
          throw new InputRefused(
            `instanceId: no Auto Scaling group has ${known.instanceId} any more: somebody took it out of ${known.group}, or deleted that by force. Its node is drained and takes no work. If it runs on, make the node eligible or end the instance; if it has ended, reconcile forgets it.`,
          );
        }
        return answer("none", "The instance is gone already.", 0);
      }
      if (known.settings.observeOnly) {
        return answer("none", "The pool is observe-only: the instance is not terminated.", 0);
      }
      if (!instance.lifecycleState.startsWith("Terminating")) {
        const isSmaller = known.capacity === "shrink";
        if (!(await autoScaling.terminate(known.instanceId, isSmaller))) {
          throw new InputRefused(
            `capacity: the group ${instance.group} is at its minimum and cannot get smaller. Its node is drained and the instance runs on: start it again with "replace", or lower the minimum.`,
          );
        }
      }
      return answer(
        "none",
        known.capacity === "shrink"
          ? "The group terminates the instance and gets smaller by one."
          : "The group terminates the instance and launches another one.",
        hookAppears,
      );
    }
    const result = decideHook(known.settings, isDrainFailed(known.drain));
    if (await autoScaling.complete(action, result)) {
      return answer(
        result,
        result === "CONTINUE"
          ? "The hook is completed: the instance may go."
          : "The drain failed, and the pool says retain: the hook is abandoned, so that the group keeps the instance.",
      );
    }
    metrics.report(known.pool, { HooksExpired: 1 });
    return answer(
      "expired",
      "The hook was over before it could be completed: expired, or completed by somebody else.",
    );
  });
};

export const handler = wired(createHandler);
