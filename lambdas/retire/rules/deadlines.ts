import type { PoolSettings } from "../../runtime/pool-settings.ts";
import type { Hook } from "../retirement.ts";

/**
 * The arithmetic of time of a retirement. Spans are seconds, moments are
 * milliseconds since the Unix epoch.
 */

/**
 * What is left to do between the end of the deadline and the completion of the
 * hook: tasks run out their kill time-outs (Nomad caps them at 30 s unless the
 * client is told otherwise), the deadline itself fires a second late, and the
 * last calls take their time.
 */
export const killGraceSeconds = 120;

/** How long before its global limit a hook is decided, so that we decide it and not its default. */
export const completionMarginSeconds = 60;

const untilSeconds = (hook: Hook, now: number): number => (Date.parse(hook.deadline) - now) / 1000;

/** Everything that has to fit between the deadline of the drain and the limit of the hook. */
const afterDrainSeconds = (settings: PoolSettings): number =>
  killGraceSeconds +
  settings.systemDrainDeadlineSeconds +
  killGraceSeconds +
  completionMarginSeconds;

/** How long the applications of a node have to move away. */
export const wantedDeadlineSeconds = (settings: PoolSettings, hasBatchWork: boolean): number =>
  hasBatchWork
    ? (settings.batchDrainDeadlineSeconds ?? settings.drainDeadlineSeconds)
    : settings.drainDeadlineSeconds;

/**
 * The deadline of a drain that starts now: what the pool wants, or less when
 * the hook does not live that long; at least a second, since Nomad takes zero
 * for "no deadline".
 */
export const drainDeadlineSeconds = (
  settings: PoolSettings,
  hook: Hook | null,
  hasBatchWork: boolean,
  now: number,
): number => {
  const wanted = wantedDeadlineSeconds(settings, hasBatchWork);
  if (!hook) return wanted;
  return Math.max(1, Math.min(wanted, untilSeconds(hook, now) - afterDrainSeconds(settings)));
};

/** The same for system jobs, which are drained last. */
export const systemDeadlineSeconds = (
  settings: PoolSettings,
  hook: Hook | null,
  now: number,
): number => {
  const wanted = settings.systemDrainDeadlineSeconds;
  if (!hook) return wanted;
  const left = untilSeconds(hook, now) - killGraceSeconds - completionMarginSeconds;
  return Math.max(1, Math.min(wanted, left));
};

/**
 * When Drover decides, whatever Nomad says: once the kill time-outs after the
 * deadline are over, and in any case in time for the hook.
 *
 * @param until - when the drain meets its deadline (ms)
 */
export const giveUpAt = (until: number, hook: Hook | null): number => {
  const patient = until + killGraceSeconds * 1000;
  return hook
    ? Math.min(patient, Date.parse(hook.deadline) - completionMarginSeconds * 1000)
    : patient;
};

/**
 * For how long a drain may wait for a slot and still have its whole deadline;
 * endless without a hook.
 */
export const secondsToQueue = (settings: PoolSettings, hook: Hook | null, now: number): number => {
  if (!hook) return Number.POSITIVE_INFINITY;
  const longest = Math.max(
    wantedDeadlineSeconds(settings, false),
    wantedDeadlineSeconds(settings, true),
  );
  return untilSeconds(hook, now) - longest - afterDrainSeconds(settings);
};

/**
 * Whether a drain that waited any longer for a slot could no longer have its
 * whole deadline. It then goes on without one.
 */
export const isTooLateToQueue = (settings: PoolSettings, hook: Hook | null, now: number): boolean =>
  secondsToQueue(settings, hook, now) <= 0;

/** Whether the hook has to be decided now, whatever is known: Auto Scaling would do it by itself. */
export const isHookRunningOut = (hook: Hook | null, now: number): boolean =>
  hook !== null && untilSeconds(hook, now) <= completionMarginSeconds;

/**
 * How long a function may wait before the hook needs its next heartbeat: 45 % of
 * the time-out, so that a round whose call dies at its end can be done once more
 * (13 minutes, 14 until Lambda ends it, and 13 again are less than 28.8); 13
 * minutes at most, inside Lambda's fifteen.
 */
export const roundSeconds = (hook: Hook | null): number =>
  Math.min(780, Math.max(10, Math.floor((hook?.heartbeatSeconds ?? 3600) * 0.45)));

/**
 * The first round of the system pass follows the last one of the work pass without
 * a heartbeat between: 45 % and 25 % of the time-out leave the rest for cold starts.
 */
export const firstSystemRoundSeconds = (hook: Hook | null): number =>
  Math.max(10, Math.floor((roundSeconds(hook) * 25) / 45));

/**
 * Whether so much of the time-out is over that a drain had better begin with a
 * heartbeat: 10 %. Most retirements come to their slot in seconds, and need none.
 */
export const isBeatDue = (hook: Hook | null, now: number): boolean =>
  hook !== null && now - Date.parse(hook.startedAt) > hook.heartbeatSeconds * 100;

/**
 * A pause that grows with the time waited already: by a tenth of it, between
 * the bounds, with a quarter of jitter so that many do not come back together.
 */
export const growingWaitSeconds = (
  waitedSeconds: number,
  bounds: { readonly least: number; readonly most: number },
  random: () => number,
): number => {
  const wait = Math.min(bounds.most, Math.max(bounds.least, waitedSeconds / 10));
  return Math.max(1, Math.round(wait * (0.75 + 0.5 * random())));
};

/**
 * The pause of a retirement that is held by the stop parameter, which may be
 * for days: an execution may have 25,000 history events, and with five minutes a
 * turn of 14 events makes 16,000 in four days.
 *
 * @param since - when the retirement began, ISO 8601
 */
export const heldWaitSeconds = (since: string, hook: Hook | null, now: number): number => {
  const waited = (now - Date.parse(since)) / 1000;
  const bounds = { least: 30, most: 300 };
  return withinHook(
    growingWaitSeconds(waited, bounds, () => 0.5),
    hook,
    now,
  );
};

/**
 * A pause must outlast neither the hook's heartbeat nor the moment when the hook
 * has to be decided: Auto Scaling would do that by itself meanwhile.
 *
 * @returns whole seconds, at least one
 */
export const withinHook = (seconds: number, hook: Hook | null, now: number): number => {
  const left = hook ? untilSeconds(hook, now) - completionMarginSeconds : 0;
  // What is over already is no reason to come back any sooner.
  const most = left > 0 ? Math.min(roundSeconds(hook), left) : roundSeconds(hook);
  return Math.max(1, Math.floor(Math.min(seconds, most)));
};
