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

/**
 * Whether a drain that waited any longer for a slot could no longer have its
 * whole deadline. It then goes on without one.
 */
export const isTooLateToQueue = (
  settings: PoolSettings,
  hook: Hook | null,
  now: number,
): boolean => {
  if (!hook) return false;
  const longest = Math.max(
    wantedDeadlineSeconds(settings, false),
    wantedDeadlineSeconds(settings, true),
  );
  return untilSeconds(hook, now) < longest + afterDrainSeconds(settings);
};

/** Whether the hook has to be decided now, whatever is known: Auto Scaling would do it by itself. */
export const isHookRunningOut = (hook: Hook | null, now: number): boolean =>
  hook !== null && untilSeconds(hook, now) <= completionMarginSeconds;

/**
 * How long a function may wait before the hook needs its next heartbeat: a
 * third of the time-out, so that one round may fail; ten minutes at most, well
 * inside Lambda's fifteen.
 */
export const roundSeconds = (hook: Hook | null): number =>
  Math.min(600, Math.max(10, Math.floor((hook?.heartbeatSeconds ?? 3600) / 3)));

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
  return withinHeartbeat(
    growingWaitSeconds(waited, bounds, () => 0.5),
    hook,
  );
};

/** A pause must not outlast the hook's heartbeat. */
export const withinHeartbeat = (seconds: number, hook: Hook | null): number =>
  Math.min(seconds, roundSeconds(hook));
