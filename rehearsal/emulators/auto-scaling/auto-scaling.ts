import type { Clock } from "../../../lambdas/runtime/clock.ts";
import { createAgenda } from "../../agenda.ts";
import type { Random } from "../../random.ts";
import { uuid } from "../../random.ts";
import { AwsError } from "../aws-json.ts";
import { serveAwsQuery } from "../aws-query.ts";
import type { BusEvent } from "../event-bridge/bus.ts";
import type { Service } from "../service.ts";
import { createGroup } from "./create-group.ts";
import type { GroupOptions } from "./create-group.ts";
import { describeOperations } from "./describe-operations.ts";
import { rebalanceRecommendationEvent, spotInterruptionEvent } from "./events.ts";
import { groupOperations } from "./group-operations.ts";
import { instanceOperations } from "./instance-operations.ts";
import { lifecycleOperations } from "./lifecycle-operations.ts";
import { lifetimeOperations } from "./lifetime-operations.ts";
import { createReconsider } from "./scaling.ts";
import { standbyOperations } from "./standby-operations.ts";
import type { Group, Instance, InstanceRefresh } from "./state.ts";
import { fail, impair } from "./transitions.ts";
import { warmPoolOperations } from "./warm-pool-operations.ts";
import { defaultDelays } from "./world.ts";
import type { Delays, Machines, World } from "./world.ts";

export type { GroupOptions } from "./create-group.ts";

/** Errors that AWS answers with at any time, and its words for them. */
const refusals = {
  ScalingActivityInProgress: {
    status: 400,
    message: "Activities are in progress for this Auto Scaling group.",
  },
  ResourceContention: {
    status: 500,
    message: "You already have a pending update to an Amazon EC2 Auto Scaling resource.",
  },
  Throttling: { status: 400, message: "Rate exceeded" },
} as const;

export interface AutoScalingEmulator {
  readonly service: Service;
  createGroup(options: GroupOptions): Group;
  group(name: string): Group;
  /** Every instance there has been, in the order of launch; what is gone is `Terminated`. */
  instances(groupName?: string): readonly Instance[];
  instance(id: string): Instance;
  /** Sets the desired capacity as a scaling policy does, within minimum and maximum. */
  scaleTo(groupName: string, desired: number): void;
  /** Ends an instance behind Auto Scaling's back: a call to EC2, a crash. */
  powerOff(instanceId: string): void;
  /** Has a machine fail EC2's status checks from now on, with its power on. */
  impair(instanceId: string): void;
  /** Two minutes' warning, then the power is cut, whatever the hooks say. */
  interrupt(instanceId: string): void;
  recommendRebalance(instanceId: string): void;
  /** Answers the next calls of an operation with an error. */
  refuse(operation: string, error: keyof typeof refusals, times?: number): void;
  /** From now on EC2 has no capacity for the group (undefined: it has again). */
  failLaunches(groupName: string, message: string | undefined): void;
  /** Begins an instance refresh, which is shown but replaces nothing, or changes its status. */
  refreshInstances(groupName: string, status?: InstanceRefresh["status"]): void;
  /** Stops everything that is under way. */
  close(): void;
}

/** Milliseconds between the warning and the end of a spot instance. */
const spotWarning = 120_000;

/**
 * Emulates Amazon EC2 Auto Scaling with lifecycle hooks that really hold their
 * instances. Facts are cited where they are used; what AWS documents nowhere is
 * said there too.
 */
export const createAutoScaling = ({
  clock,
  random,
  publish,
  machines,
  delays,
  region = "eu-west-1",
  account = "123456789012",
}: {
  readonly clock: Clock;
  readonly random: Random;
  readonly publish: (event: BusEvent) => void;
  readonly machines: Machines;
  readonly delays?: Partial<Delays>;
  readonly region?: string;
  readonly account?: string;
}): AutoScalingEmulator => {
  const newId = () => uuid(random);
  const now = () => clock.now();
  const agenda = createAgenda(clock);
  const world: World = {
    agenda,
    now,
    random,
    publish,
    machines,
    delays: { ...defaultDelays, ...delays },
    source: { region, account, now, uuid: newId },
    instances: new Map(),
    groups: new Map(),
    reconsider: createReconsider(() => world),
  };

  const pending = new Map<string, { error: keyof typeof refusals; times: number }>();
  let caller: string | undefined;
  const before = (action: string, request: Request): void => {
    const credential = /Credential=([^/]+)/.exec(request.headers.get("authorization") ?? "");
    caller = credential?.[1];
    const refusal = pending.get(action);
    if (refusal === undefined || refusal.times < 1) return;
    refusal.times -= 1;
    const { status, message } = refusals[refusal.error];
    throw new AwsError(refusal.error, message, { status });
  };

  const group = (name: string): Group => {
    const found = world.groups.get(name);
    if (found === undefined) throw new Error(`no group ${name}`);
    return found;
  };
  const instance = (id: string): Instance => {
    const found = world.instances.get(id);
    if (found === undefined) throw new Error(`no instance ${id}`);
    return found;
  };

  return {
    service: serveAwsQuery(
      "http://autoscaling.amazonaws.com/doc/2011-01-01/",
      {
        ...describeOperations(world),
        ...groupOperations(world),
        ...instanceOperations(world),
        ...lifecycleOperations(world, () => caller),
        ...lifetimeOperations(world),
        ...standbyOperations(world),
        ...warmPoolOperations(world),
      },
      newId,
      before,
    ),
    createGroup: (options) => createGroup(world, options),
    group,
    instance,
    instances: (groupName) =>
      [...world.instances.values()].filter(
        (each) => groupName === undefined || each.group === groupName,
      ),
    scaleTo: (groupName, desired) => {
      const scaled = group(groupName);
      scaled.desired = Math.min(Math.max(desired, scaled.min), scaled.max);
      world.reconsider(scaled);
    },
    powerOff: (instanceId) => fail(world, instance(instanceId)),
    impair: (instanceId) => impair(world, instance(instanceId)),
    interrupt: (instanceId) => {
      publish(spotInterruptionEvent(world.source, instance(instanceId)));
      agenda.after(spotWarning, () => fail(world, instance(instanceId)));
    },
    recommendRebalance: (instanceId) =>
      publish(rebalanceRecommendationEvent(world.source, instance(instanceId))),
    refuse: (operation, error, times = 1) => void pending.set(operation, { error, times }),
    failLaunches: (groupName, message) => {
      group(groupName).launchFailure = message;
      world.reconsider(group(groupName));
    },
    refreshInstances: (groupName, status = "InProgress") => {
      const { refreshes } = group(groupName);
      const open = refreshes.find((each) => ["Pending", "InProgress"].includes(each.status));
      if (open === undefined) refreshes.push({ id: newId(), startedAt: now(), status });
      else open.status = status;
    },
    close: () => agenda.close(),
  };
};
