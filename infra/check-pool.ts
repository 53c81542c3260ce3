import { Duration } from "aws-cdk-lib";
import { parse } from "valibot";
import type { Hook } from "../lambdas/retire/retirement.ts";
import { secondsToQueue } from "../lambdas/retire/rules/deadlines.ts";
import { type PoolSettings, poolSettings } from "../lambdas/runtime/pool-settings.ts";
import { checkSlots } from "./check-drover.ts";
import type { PoolProps } from "./drover-props.ts";
import type { Problems } from "./problems.ts";

const poolPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/** The shortest heartbeat with which a hook lives for 48 hours: 100 heartbeats. */
export const defaultHeartbeat = Duration.seconds(1728);

/** How long a hook lives at most, in seconds, whatever heartbeats it gets. */
export const hookLife = (heartbeatSeconds: number): number =>
  Math.min(48 * 3600, 100 * heartbeatSeconds);

const defaults = parse(poolSettings, {});

/** What comes before a drain: finding the node, cordoning it, taking a slot. */
const beforeDrain = 300;

/** The longest deadline, in seconds, that a drain can have under a hook; none at all below one. */
const longestDeadline = (settings: PoolSettings, heartbeatSeconds: number): number => {
  const lives = hookLife(heartbeatSeconds) - beforeDrain;
  const start = 0;
  const hook: Hook = {
    name: "any",
    heartbeatSeconds,
    startedAt: new Date(start).toISOString(),
    deadline: new Date(start + lives * 1000).toISOString(),
  };
  const immediate = { ...settings, drainDeadlineSeconds: 0, batchDrainDeadlineSeconds: 0 };
  return secondsToQueue(immediate, hook, start);
};

const limits = {
  drainDeadline: [1, 47 * 3600],
  batchDrainDeadline: [1, 47 * 3600],
  systemDrainDeadline: [1, 3600],
  joinGrace: [0, 7200],
  heartbeat: [30, 7200],
} as const;

export const checkPoolName = (pool: string, problems: Problems): void => {
  if (poolPattern.test(pool)) return;
  problems.add(
    "pool",
    pool,
    'give at most 63 letters, digits, hyphens and underscores, such as "workers"',
  );
};

export interface CheckedPool {
  readonly settings: PoolSettings;
  readonly heartbeatSeconds: number;
}

/**
 * Adds all that is wrong with the properties of a pool.
 *
 * @param owned - whether the group is made in this app
 * @returns what they mean; of use only when nothing was added
 */
export const checkPool = (
  props: PoolProps,
  owned: boolean,
  clusterSlots: number | undefined,
  problems: Problems,
): CheckedPool => {
  checkPoolName(props.pool, problems);
  const seconds = (property: keyof typeof limits, byDefault: number): number => {
    const span = props[property];
    if (span === undefined) return byDefault;
    const [least, most] = limits[property];
    const value = span.isUnresolved() ? Number.NaN : span.toSeconds({ integral: false });
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    const shown = Number.isInteger(value) ? span.toHumanString() : `${value} seconds`;
    problems.add(
      property,
      span.isUnresolved() ? "a token" : shown,
      `give whole seconds between ${least} and ${most}`,
    );
    return byDefault;
  };
  const heartbeatSeconds = seconds("heartbeat", defaultHeartbeat.toSeconds());
  const drainSeconds = seconds("drainDeadline", defaults.drainDeadlineSeconds);
  const batchSeconds = seconds("batchDrainDeadline", drainSeconds);
  const systemSeconds = seconds("systemDrainDeadline", defaults.systemDrainDeadlineSeconds);
  const joinSeconds = seconds("joinGrace", defaults.joinGraceSeconds);

  const {
    slots = defaults.slots,
    onDrainFailure = defaults.onDrainFailure,
    observeOnly = defaults.observeOnly,
  } = props;
  checkSlots("slots", slots, problems);
  if (clusterSlots !== undefined && slots > clusterSlots) {
    problems.add(
      "slots",
      slots,
      `the whole cluster has ${clusterSlots}: give at most as many, or give Drover more slots`,
    );
  }
  if (onDrainFailure !== "continue" && onDrainFailure !== "retain") {
    problems.add("onDrainFailure", onDrainFailure, 'give "continue" or "retain"');
  } else if (onDrainFailure === "retain" && !owned) {
    problems.add(
      "onDrainFailure",
      "retain",
      'the group is imported, and CloudFormation can give it no instance lifecycle policy: manage it in the app that makes the group, or give "continue"',
    );
  }
  const settings: PoolSettings = {
    drainDeadlineSeconds: drainSeconds,
    ...(props.batchDrainDeadline && { batchDrainDeadlineSeconds: batchSeconds }),
    systemDrainDeadlineSeconds: systemSeconds,
    onDrainFailure,
    slots,
    joinGraceSeconds: joinSeconds,
    observeOnly,
  };
  checkHookLife("drainDeadline", drainSeconds, settings, heartbeatSeconds, problems);
  if (props.batchDrainDeadline) {
    checkHookLife("batchDrainDeadline", batchSeconds, settings, heartbeatSeconds, problems);
  }
  return { heartbeatSeconds, settings };
};

const checkHookLife = (
  property: string,
  deadline: number,
  settings: PoolSettings,
  heartbeat: number,
  problems: Problems,
): void => {
  const most = longestDeadline(settings, heartbeat);
  if (deadline <= most) return;
  const human = (seconds: number) => Duration.seconds(seconds).toHumanString();
  const life = hookLife(heartbeat);
  const longer = life < 48 * 3600 ? ", or a longer heartbeat" : "";
  const remedy =
    most < 1
      ? `give a shorter systemDrainDeadline${longer}`
      : `give at most ${human(most)}${longer}`;
  problems.add(
    property,
    human(deadline),
    `the hook lives for ${human(life)} (100 heartbeats of ${heartbeat} s, 48 hours at most), in which the rest of a retirement has to fit too: ${remedy}`,
  );
};
