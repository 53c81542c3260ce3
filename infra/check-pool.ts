import { Duration } from "aws-cdk-lib";
import type { PoolSettings } from "../lambdas/runtime/pool-settings.ts";
import { checkSlots } from "./check-drover.ts";
import type { PoolProps } from "./drover-props.ts";
import type { Problems } from "./problems.ts";

const poolPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/** The shortest heartbeat with which a hook lives for 48 hours: 100 heartbeats. */
export const defaultHeartbeat = Duration.seconds(1728);

/** How long a hook lives at most, in seconds, whatever heartbeats it gets. */
export const hookLife = (heartbeatSeconds: number): number =>
  Math.min(48 * 3600, 100 * heartbeatSeconds);

/**
 * What a hook has to outlive besides the drains' deadlines: finding and
 * cordoning the node, Nomad's last stops after a deadline, and a few retries.
 */
export const hookMargin = 900;

const limits = {
  drainDeadline: [1, 47 * 3600],
  batchDrainDeadline: [1, 47 * 3600],
  systemDrainDeadline: [1, 3600],
  joinGrace: [0, 7200],
  heartbeat: [30, 7200],
} as const;

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
  if (!poolPattern.test(props.pool)) {
    problems.add(
      "pool",
      props.pool,
      'give at most 63 letters, digits, hyphens and underscores, such as "workers"',
    );
  }
  const seconds = (property: keyof typeof limits, byDefault: number): number => {
    const span = props[property];
    if (span === undefined) return byDefault;
    const [least, most] = limits[property];
    const value = span.isUnresolved() ? Number.NaN : span.toSeconds({ integral: false });
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    problems.add(
      property,
      span.isUnresolved() ? "a token" : span.toHumanString(),
      `give whole seconds between ${least} and ${most}`,
    );
    return byDefault;
  };
  const heartbeatSeconds = seconds("heartbeat", defaultHeartbeat.toSeconds());
  const drainDeadlineSeconds = seconds("drainDeadline", 1800);
  const batchDrainDeadlineSeconds = seconds("batchDrainDeadline", drainDeadlineSeconds);
  const systemDrainDeadlineSeconds = seconds("systemDrainDeadline", 60);
  const joinGraceSeconds = seconds("joinGrace", 600);

  checkHookLife(
    Math.max(drainDeadlineSeconds, batchDrainDeadlineSeconds),
    systemDrainDeadlineSeconds,
    heartbeatSeconds,
    problems,
  );
  const { slots = 1, onDrainFailure = "continue" } = props;
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
  return {
    heartbeatSeconds,
    settings: {
      drainDeadlineSeconds,
      ...(props.batchDrainDeadline && { batchDrainDeadlineSeconds }),
      systemDrainDeadlineSeconds,
      onDrainFailure,
      slots,
      joinGraceSeconds,
      observeOnly: props.observeOnly ?? false,
    },
  };
};

const checkHookLife = (
  deadline: number,
  systemDeadline: number,
  heartbeat: number,
  problems: Problems,
): void => {
  const life = hookLife(heartbeat);
  const most = life - systemDeadline - hookMargin;
  if (deadline <= most) return;
  const human = (seconds: number) => Duration.seconds(seconds).toHumanString();
  const longer = life < 48 * 3600 ? ", or a longer heartbeat" : "";
  problems.add(
    "drainDeadline",
    human(deadline),
    `the hook lives for ${human(life)} (48 hours at most, 100 heartbeats of ${heartbeat} s), of which the system jobs take ${human(systemDeadline)} and the rest of a retirement ${human(hookMargin)}: ` +
      (most > 0 ? `give at most ${human(most)}${longer}` : "give a longer heartbeat"),
  );
};
