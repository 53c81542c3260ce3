import type {
  Group,
  Hook,
  Instance,
  LifecycleAction,
  LifecycleState,
  Result,
  Transition,
} from "./state.ts";

const hours48 = 48 * 3600;

/**
 * The longest that a hook can hold an instance, in seconds.
 *
 * Source: Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling lifecycle
 * hooks", considerations, "Keep instances in a wait state": 48 hours or 100
 * times the heartbeat timeout, whichever is smaller.
 */
export const globalTimeout = (heartbeatTimeout: number): number =>
  Math.min(hours48, 100 * heartbeatTimeout);

/**
 * When an action expires after a heartbeat (or its start) at a time.
 *
 * Source: API Reference, RecordLifecycleActionHeartbeat: extends the timeout by
 * the length of time that PutLifecycleHook defined.
 */
export const expiryAfter = (
  action: Pick<LifecycleAction, "hook" | "limitAt">,
  at: number,
): number => Math.min(at + action.hook.heartbeatTimeout * 1000, action.limitAt);

/** The hooks of a transition. All of them hold the instance at the same time. */
export const hooksFor = (group: Group, transition: Transition): Hook[] =>
  [...group.hooks.values()].filter((hook) => hook.transition === transition);

/**
 * Where an instance goes once its actions are what they are.
 *
 * Source: User Guide, "Add lifecycle hooks", default result: while launching,
 * CONTINUE puts into service and ABANDON terminates; while terminating, both
 * terminate, but ABANDON stops any remaining actions and CONTINUE allows other
 * hooks to complete.
 *
 * @returns undefined while it has to wait on
 */
export const decided = (actions: readonly LifecycleAction[]): Result | undefined => {
  if (actions.some(({ outcome }) => outcome?.result === "ABANDON")) return "ABANDON";
  return actions.every(({ outcome }) => outcome !== undefined) ? "CONTINUE" : undefined;
};

/**
 * Whether an instance counts toward the desired capacity. One that terminates
 * does not, so that its replacement is launched without waiting for its hook;
 * nor does one on standby.
 *
 * Source: User Guide, "Manage retained instances" (retained ones do not count);
 * "Amazon EC2 Auto Scaling instance lifecycle" (scale in detaches from the group);
 * API Reference, EnterStandby (replaced unless the capacity is decremented).
 */
export const counts = (instance: Instance): boolean =>
  instance.state === "InService" ||
  (instance.state.startsWith("Pending") && instance.extra !== true);

export const capacityOf = (group: Group): number =>
  [...group.instances.values()].reduce((total, each) => total + (counts(each) ? 1 : 0), 0);

/** On the way out of its group or pool, or out already. */
export const isTerminating = (state: LifecycleState): boolean =>
  state.startsWith("Terminat") ||
  state.startsWith("Detach") ||
  state.startsWith("Warmed:Terminat") ||
  state === "Warmed:Pending:Retained";

export const isRetained = (state: LifecycleState): boolean => state.endsWith(":Retained");

/** Out of service for a while. Health is not checked there. */
export const isStandby = (state: LifecycleState): boolean => state.endsWith("Standby");

/** In the warm pool, on the way into it, or on the way from it to its end. */
export const isWarm = (state: LifecycleState): boolean => state.startsWith("Warmed:");

/** The instances that a pool has or will have. */
export const inPool = (group: Group): Instance[] =>
  [...group.instances.values()].filter(({ state }) => isWarm(state) && !isTerminating(state));

/**
 * How many instances the pool should have.
 *
 * Source: API Reference, PutWarmPool, MaxGroupPreparedCapacity and MinSize.
 */
export const poolSize = ({ warmPool, max, desired }: Group): number =>
  warmPool === undefined || warmPool.deleting === true
    ? 0
    : Math.max(warmPool.minSize, (warmPool.maxPrepared ?? max) - desired, 0);

/** Those that are ready to leave the pool. */
export const readyInPool = (group: Group): Instance[] =>
  inPool(group).filter(({ state }) => !state.startsWith("Warmed:Pending"));

/**
 * The instances that a scale-in ends.
 *
 * Source: User Guide, "Default termination policy for Amazon EC2 Auto Scaling"
 * (balance of zones first, then the oldest launch template version; the oldest
 * stands here for "closest to the next billing hour") and "Use instance
 * scale-in protection" (protected ones stay; protection holds in service).
 */
export const chooseForScaleIn = (group: Group, count: number): Instance[] => {
  const inZone = countByZone(group);
  const candidates = new Map<string, Instance[]>();
  for (const each of group.instances.values())
    if (each.state === "InService" && !each.protectedFromScaleIn) {
      const sameZone = candidates.get(each.zone) ?? [];
      sameZone.push(each);
      candidates.set(each.zone, sameZone);
    }
  for (const each of candidates.values())
    each.sort(
      (a, b) =>
        Number(a.launchTemplate.version) - Number(b.launchTemplate.version) ||
        a.launchedAt - b.launchedAt,
    );
  const chosen: Instance[] = [];
  while (chosen.length < count) {
    const zones = [...candidates.keys()].filter((zone) => candidates.get(zone)?.length);
    const [first] = zones.sort((a, b) => (inZone.get(b) ?? 0) - (inZone.get(a) ?? 0));
    const next = candidates.get(first ?? "")?.shift();
    if (next === undefined) break;
    inZone.set(next.zone, (inZone.get(next.zone) ?? 0) - 1);
    chosen.push(next);
  }
  return chosen;
};

/** The zones where the next instances are launched: always the one with the fewest. */
export const zonesForLaunch = (group: Group, count: number): string[] => {
  const inZone = countByZone(group);
  return Array.from({ length: count }, () => {
    const zone = group.zones.reduce((best, each) =>
      (inZone.get(each) ?? 0) < (inZone.get(best) ?? 0) ? each : best,
    );
    inZone.set(zone, (inZone.get(zone) ?? 0) + 1);
    return zone;
  });
};

/**
 * The zone that lacks an instance, if another one has two more and something there
 * may be ended.
 *
 * Source: User Guide, "Rebalancing activities": launched before what it replaces
 * is terminated.
 */
export const zoneThatLacks = (group: Group): string | undefined => {
  const inZone = countByZone(group);
  const sizeOf = (zone: string): number => inZone.get(zone) ?? 0;
  const least = group.zones.reduce((best, each) => (sizeOf(each) < sizeOf(best) ? each : best));
  const isMovable = (each: Instance): boolean =>
    each.state === "InService" &&
    !each.protectedFromScaleIn &&
    sizeOf(each.zone) - sizeOf(least) > 1;
  return [...group.instances.values()].some(isMovable) ? least : undefined;
};

const countByZone = (group: Group): Map<string, number> => {
  const inZone = new Map<string, number>();
  for (const each of group.instances.values())
    if (counts(each)) inZone.set(each.zone, (inZone.get(each.zone) ?? 0) + 1);
  return inZone;
};
