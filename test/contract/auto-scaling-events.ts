import assert from "node:assert/strict";

import {
  CompleteLifecycleActionCommand,
  DeleteAutoScalingGroupCommand,
  DetachInstancesCommand,
  EnterStandbyCommand,
  PutWarmPoolCommand,
} from "@aws-sdk/client-auto-scaling";

import type { BusEvent } from "../../rehearsal/emulators/event-bridge/bus.ts";
import type { TrialGroup } from "./auto-scaling-groups.ts";
import {
  aLaunch,
  launchHook,
  makeGroup,
  settledGroup,
  terminate,
  terminateHook,
  untilState,
} from "./auto-scaling-groups.ts";
import { type AutoScalingCase, type AutoScalingTarget } from "./auto-scaling-target.ts";
import { eventually } from "./eventually.ts";

const guide = "Amazon EC2 Auto Scaling User Guide";
const lifecycle = `${guide}, "Amazon EC2 Auto Scaling event reference", lifecycle action events`;

const launchAction = "EC2 Instance-launch Lifecycle Action";
const terminateAction = "EC2 Instance-terminate Lifecycle Action";

interface Action {
  readonly LifecycleActionToken: string;
  readonly EC2InstanceId: string;
  readonly Origin: string;
  readonly Destination: string;
}

const ofType = async (target: AutoScalingTarget, group: TrialGroup, type: string) =>
  (await target.events(group.name)).filter((event) => event["detail-type"] === type);

/** Waits for a number of events of a type; delivery is best effort, and may be late. */
const untilCame = (
  target: AutoScalingTarget,
  group: TrialGroup,
  type: string,
  count = 1,
): Promise<readonly BusEvent[]> =>
  eventually(target, `${count} × ${type} of ${group.name}`, aLaunch, async () => {
    const found = await ofType(target, group, type);
    return found.length >= count && found;
  });

const actionOf = (event: BusEvent | undefined): Action => {
  assert.ok(event);
  return event.detail as Action;
};

/** From where to where each action of a type goes. */
const waysOf = (events: readonly BusEvent[]): readonly string[] => {
  const ways = events.map((event) => {
    const { Origin, Destination } = actionOf(event);
    return `${Origin} to ${Destination}`;
  });
  return [...new Set(ways)];
};

export const eventCases: readonly AutoScalingCase[] = [
  {
    title: "a termination hook announces itself, and its token completes it",
    source: `${lifecycle}; Amazon EC2 Auto Scaling API Reference, CompleteLifecycleAction, LifecycleActionToken`,
    minutes: 7,
    machines: 2,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target, {
        hooks: [{ ...terminateHook, NotificationMetadata: "pool=workers" }],
      });
      await terminate(target, instance, true);
      await untilState(target, instance, "Terminating:Wait");
      const [event] = await untilCame(target, group, terminateAction);
      assert.ok(event);
      assert.equal(event.source, "aws.autoscaling");
      assert.equal(event.version, "0");
      assert.match(event.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.deepEqual(event.resources, [(await group.describe()).AutoScalingGroupARN]);
      const { LifecycleActionToken } = event.detail as Action;
      assert.match(LifecycleActionToken, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
      assert.deepEqual(event.detail, {
        LifecycleActionToken,
        AutoScalingGroupName: group.name,
        LifecycleHookName: "terminate",
        EC2InstanceId: instance,
        LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
        NotificationMetadata: "pool=workers",
        Origin: "AutoScalingGroup",
        Destination: "EC2",
      });
      const complete = (token: string) =>
        target.client.send(
          new CompleteLifecycleActionCommand({
            AutoScalingGroupName: group.name,
            LifecycleHookName: "terminate",
            LifecycleActionToken: token,
            LifecycleActionResult: "CONTINUE",
          }),
        );
      await assert.rejects(complete("00000000-0000-4000-8000-000000000000"), {
        name: "ValidationError",
        message: /No active Lifecycle Action found/,
      });
      await complete(LifecycleActionToken);
      await untilState(target, instance, undefined);
      const [end] = await untilCame(target, group, "EC2 Instance Terminate Successful");
      const { EC2InstanceId } = actionOf(end);
      assert.equal(EC2InstanceId, instance);
    },
  },
  {
    title: "a launch hook announces itself, and the launch is told of when it is through",
    source: `${lifecycle}, successful scaling events`,
    minutes: 6,
    machines: 1,
    async run(target) {
      const group = await makeGroup(target, { hooks: [launchHook] });
      const [instance = ""] = await group.untilIn("Pending:Wait");
      const [event] = await untilCame(target, group, launchAction);
      const { LifecycleActionToken, ...detail } = actionOf(event);
      assert.ok(LifecycleActionToken);
      assert.deepEqual(detail, {
        AutoScalingGroupName: group.name,
        LifecycleHookName: "launch",
        EC2InstanceId: instance,
        LifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING",
        Origin: "EC2",
        Destination: "AutoScalingGroup",
      });
      await group.complete(instance, "CONTINUE", "launch");
      await untilState(target, instance, "InService");
      const [launch] = await untilCame(target, group, "EC2 Instance Launch Successful");
      assert.equal(actionOf(launch).EC2InstanceId, instance);
    },
  },
  {
    title: "actions say where an instance comes from and goes to, also by way of a warm pool",
    source: `${guide}, "Warm pool example events and patterns"`,
    minutes: 14,
    machines: 1,
    async run(target) {
      const group = await makeGroup(target, {
        desired: 0,
        hooks: [
          { ...launchHook, HeartbeatTimeout: 30 },
          { ...terminateHook, HeartbeatTimeout: 30 },
        ],
      });
      await target.client.send(
        new PutWarmPoolCommand({
          AutoScalingGroupName: group.name,
          // One in the pool or in the group: the pool has room when it comes back.
          MinSize: 0,
          MaxGroupPreparedCapacity: 1,
          PoolState: "Running",
          InstanceReusePolicy: { ReuseOnScaleIn: true },
        }),
      );
      const [first] = await untilCame(target, group, launchAction);
      const { EC2InstanceId: instance } = actionOf(first);
      await untilState(target, instance, "Warmed:Running");
      await group.scale(1);
      await untilState(target, instance, "InService");
      const launches = (await untilCame(target, group, launchAction, 2)).filter(
        (event) => actionOf(event).EC2InstanceId === instance,
      );
      assert.deepEqual(waysOf(launches), ["EC2 to WarmPool", "WarmPool to AutoScalingGroup"]);
      await group.scale(0);
      await untilState(target, instance, "Warmed:Pending:Wait");
      const returns = (await untilCame(target, group, terminateAction)).filter(
        (event) => actionOf(event).EC2InstanceId === instance,
      );
      assert.deepEqual(waysOf(returns), ["AutoScalingGroup to WarmPool"]);
    },
  },
  {
    title: "who steps aside, is detached or deleted by force announces no action",
    source: `${guide}, "Amazon EC2 Auto Scaling lifecycle hooks", availability`,
    minutes: 8,
    machines: 3,
    async run(target) {
      const [group, first = "", second = ""] = await settledGroup(target, {
        desired: 3,
        hooks: [terminateHook],
      });
      const named = { AutoScalingGroupName: group.name, ShouldDecrementDesiredCapacity: true };
      await target.client.send(new EnterStandbyCommand({ ...named, InstanceIds: [first] }));
      await target.client.send(new DetachInstancesCommand({ ...named, InstanceIds: [second] }));
      await untilState(target, first, "Standby");
      await untilState(target, second, undefined);
      await target.client.send(
        new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: group.name, ForceDelete: true }),
      );
      await untilState(target, first, undefined);
      await target.pause(60);
      assert.deepEqual(await ofType(target, group, terminateAction), []);
      await target.powerOff(second);
    },
  },
];
