import type { AutoScaling, LifecycleAction } from "../clients/auto-scaling.ts";
import type { Retirement } from "./retirement.ts";

/** The lifecycle action of a retirement; undefined when a person started it. */
export const actionOf = (
  retirement: Pick<Retirement, "group" | "instanceId" | "hook">,
): LifecycleAction | undefined =>
  retirement.hook
    ? {
        group: retirement.group,
        hook: retirement.hook.name,
        instanceId: retirement.instanceId,
        token: retirement.hook.token,
      }
    : undefined;

/**
 * Prolongs the hook. That there is nothing left to prolong is no error here:
 * the step that completes the hook finds out and says so.
 */
export const beat = async (
  autoScaling: Pick<AutoScaling, "heartbeat">,
  retirement: Pick<Retirement, "group" | "instanceId" | "hook">,
): Promise<void> => {
  const action = actionOf(retirement);
  if (action) await autoScaling.heartbeat(action);
};
