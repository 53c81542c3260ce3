import assert from "node:assert/strict";

import {
  DeleteLifecycleHookCommand,
  DescribeLifecycleHooksCommand,
  PutLifecycleHookCommand,
} from "@aws-sdk/client-auto-scaling";

import {
  launchHook,
  makeGroup,
  settledGroup,
  stateOf,
  terminate,
  terminateHook,
  untilState,
  waitingGroup,
} from "./auto-scaling-groups.ts";
import { type AutoScalingCase, refusal, stays } from "./auto-scaling-target.ts";
import { eventually } from "./eventually.ts";

const guide = "Amazon EC2 Auto Scaling User Guide";
const reference = "Amazon EC2 Auto Scaling API Reference";
const over = refusal(/No active Lifecycle Action found/);

/** AWS looks for what has expired now and then, not by the second. */
const expiry = 240;

export const hookCases: readonly AutoScalingCase[] = [
  {
    title: "a termination hook holds an instance until it is continued",
    source: `${guide}, "How lifecycle hooks work in Amazon EC2 Auto Scaling groups"`,
    minutes: 6,
    machines: 2,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target, { hooks: [terminateHook] });
      await terminate(target, instance);
      await untilState(target, instance, "Terminating:Wait");
      const [other] = await group.untilIn("InService");
      assert.notEqual(other, instance, "its replacement did not wait for the hook");
      await stays(target, "it waits", 60, async () => {
        return (await stateOf(target, instance)) === "Terminating:Wait";
      });
      assert.ok(await target.hasPower(instance));
      await group.complete(instance, "CONTINUE");
      assert.notEqual(await stateOf(target, instance), "Terminating:Wait");
      await untilState(target, instance, undefined);
      assert.deepEqual(await group.inState("InService"), [other]);
    },
  },
  {
    title: "an action that is over can neither be completed nor prolonged",
    source: `${reference}, CompleteLifecycleAction and RecordLifecycleActionHeartbeat (a token or an instance with an active action); the text as users quote it`,
    minutes: 5,
    machines: 1,
    async run(target) {
      const [group, instance] = await waitingGroup(target);
      await assert.rejects(group.complete(instance, "CONTINUE", "no-such-hook"), over);
      await group.complete(instance, "CONTINUE");
      await assert.rejects(group.complete(instance, "CONTINUE"), over);
      await assert.rejects(group.heartbeat(instance), over);
      await untilState(target, instance, undefined);
      await assert.rejects(group.complete(instance, "ABANDON"), over);
    },
  },
  {
    title: "an abandoned termination goes on too, without the hooks that are left",
    source: `${guide}, "Add lifecycle hooks", default result: ABANDON stops any remaining actions`,
    minutes: 5,
    machines: 1,
    async run(target) {
      const hooks = [terminateHook, { ...terminateHook, LifecycleHookName: "second" }];
      const [group, instance] = await waitingGroup(target, { hooks });
      await group.complete(instance, "ABANDON");
      await untilState(target, instance, undefined);
      await assert.rejects(group.complete(instance, "CONTINUE", "second"), over);
    },
  },
  {
    title: "all hooks have to be continued",
    source: `${guide}, "Add lifecycle hooks", default result: CONTINUE allows other hooks to complete`,
    minutes: 6,
    machines: 1,
    async run(target) {
      const hooks = [terminateHook, { ...terminateHook, LifecycleHookName: "second" }];
      const [group, instance] = await waitingGroup(target, { hooks });
      await group.complete(instance, "CONTINUE", "second");
      await stays(target, "it waits", 45, async () => {
        return (await stateOf(target, instance)) === "Terminating:Wait";
      });
      await group.complete(instance, "CONTINUE");
      await untilState(target, instance, undefined);
    },
  },
  {
    title: "an action without a heartbeat ends by its default result",
    source: `${guide}, "Amazon EC2 Auto Scaling lifecycle hooks", considerations (a wait state ends by the time-out)`,
    minutes: 8,
    machines: 1,
    async run(target) {
      const [group, instance] = await waitingGroup(target, {
        hooks: [{ ...terminateHook, HeartbeatTimeout: 30 }],
      });
      const began = target.seconds();
      await eventually(target, "it goes on", expiry, async () => {
        return (await stateOf(target, instance)) !== "Terminating:Wait";
      });
      assert.ok(target.seconds() - began > 20 - 2 * target.interval, "not before its time");
      await assert.rejects(group.heartbeat(instance), over);
      await untilState(target, instance, undefined);
    },
  },
  {
    title: "heartbeats prolong an action",
    source: `${reference}, RecordLifecycleActionHeartbeat`,
    minutes: 9,
    machines: 1,
    async run(target) {
      const [group, instance] = await waitingGroup(target, {
        hooks: [{ ...terminateHook, HeartbeatTimeout: 30 }],
      });
      for (let beats = 0; beats < 10; beats += 1) {
        await group.heartbeat(instance);
        await target.pause(15);
        assert.equal(await stateOf(target, instance), "Terminating:Wait");
      }
      await eventually(target, "it goes on without them", expiry, async () => {
        return (await stateOf(target, instance)) !== "Terminating:Wait";
      });
    },
  },
  {
    title: "no heartbeat prolongs an action beyond 100 times its time-out",
    source: `${guide}, "Amazon EC2 Auto Scaling lifecycle hooks", considerations (48 hours or 100 times the heartbeat timeout, whichever is smaller)`,
    minutes: 60,
    machines: 1,
    slow: "100 heartbeats of 30 seconds are 50 minutes",
    async run(target) {
      const [group, instance] = await waitingGroup(target, {
        hooks: [{ ...terminateHook, HeartbeatTimeout: 30 }],
      });
      const began = target.seconds();
      while ((await stateOf(target, instance)) === "Terminating:Wait") {
        // Between the look and the call it may have ended.
        await group
          .heartbeat(instance)
          .catch((error: Error) => assert.match(error.message, /No active/));
        await target.pause(15);
        assert.ok(target.seconds() - began < 3000 + expiry, "it ends");
      }
      assert.ok(target.seconds() - began > 2900, "not before 50 minutes");
    },
  },
  {
    title: "no heartbeat prolongs an action beyond 48 hours",
    source: `${guide}, "Amazon EC2 Auto Scaling lifecycle hooks", considerations (48 hours)`,
    minutes: 48 * 60,
    machines: 1,
    emulatedOnly: "it takes two days",
    async run(target) {
      const [group, instance] = await waitingGroup(target, {
        hooks: [{ ...terminateHook, HeartbeatTimeout: 7200 }],
      });
      const began = target.seconds();
      for (let hours = 1; hours < 48; hours += 1) {
        await target.pause(3600);
        await group.heartbeat(instance);
      }
      await eventually(target, "it goes on", 3700, async () => {
        return (await stateOf(target, instance)) !== "Terminating:Wait";
      });
      assert.ok(Math.abs(target.seconds() - began - 48 * 3600) < 60);
    },
  },
  {
    title: "a hook says how long it can hold an instance, and abandons unless told otherwise",
    source: `${reference}, LifecycleHook (GlobalTimeout), PutLifecycleHook (default 3600 seconds, ABANDON, range 30 to 7200)`,
    minutes: 1,
    machines: 0,
    async run(target) {
      const group = await makeGroup(target, { desired: 0 });
      const named = { AutoScalingGroupName: group.name };
      const put = (LifecycleHookName: string, HeartbeatTimeout?: number) =>
        target.client.send(
          new PutLifecycleHookCommand({
            ...named,
            LifecycleHookName,
            LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
            HeartbeatTimeout,
          }),
        );
      await put("short", 30);
      await put("middle", 1728);
      await put("long", 7200);
      await put("default");
      const { LifecycleHooks } = await target.client.send(new DescribeLifecycleHooksCommand(named));
      assert.deepEqual(
        new Map(
          LifecycleHooks?.map((hook) => [
            hook.LifecycleHookName,
            [hook.HeartbeatTimeout, hook.GlobalTimeout, hook.DefaultResult],
          ]),
        ),
        new Map([
          ["short", [30, 3000, "ABANDON"]],
          ["middle", [1728, 172_800, "ABANDON"]],
          ["long", [7200, 172_800, "ABANDON"]],
          ["default", [3600, 172_800, "ABANDON"]],
        ]),
      );
      await assert.rejects(put("too-short", 29), { name: "ValidationError" });
      await assert.rejects(put("too-long", 7201), { name: "ValidationError" });
    },
  },
  {
    title: "a launch hook holds an instance out of service until it is continued",
    source: `${guide}, "How lifecycle hooks work in Amazon EC2 Auto Scaling groups"`,
    minutes: 4,
    machines: 1,
    async run(target) {
      const group = await makeGroup(target, { hooks: [launchHook] });
      const [instance = ""] = await group.untilIn("Pending:Wait");
      await stays(target, "it waits", 45, async () => {
        return (await stateOf(target, instance)) === "Pending:Wait";
      });
      await group.complete(instance, "CONTINUE", "launch");
      await untilState(target, instance, "InService");
    },
  },
  {
    title: "an abandoned launch is ended and replaced",
    source: `${guide}, "Add lifecycle hooks", default result: ABANDON terminates and replaces`,
    minutes: 8,
    machines: 2,
    async run(target) {
      const group = await makeGroup(target, { hooks: [launchHook] });
      const [instance = ""] = await group.untilIn("Pending:Wait");
      await group.complete(instance, "ABANDON", "launch");
      await untilState(target, instance, undefined);
      const [next = ""] = await group.untilIn("Pending:Wait");
      assert.notEqual(next, instance);
    },
  },
  {
    title: "a launch that is not continued in time is abandoned by default",
    source: `${reference}, PutLifecycleHook, DefaultResult (ABANDON by default)`,
    minutes: 8,
    machines: 2,
    async run(target) {
      const { DefaultResult: _default, ...hook } = launchHook;
      const group = await makeGroup(target, { hooks: [{ ...hook, HeartbeatTimeout: 30 }] });
      const [instance = ""] = await group.untilIn("Pending:Wait");
      await eventually(target, "it is given up", expiry, async () => {
        return !/^(Pending|InService)/.test((await stateOf(target, instance)) ?? "gone");
      });
      await group.scale(0);
    },
  },
  {
    title: "what is abandoned on its way out is retained where the group says so",
    source: `${guide}, "Control instance retention with instance lifecycle policies", "Manage retained instances"`,
    minutes: 9,
    machines: 2,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target, {
        hooks: [terminateHook],
        retain: true,
      });
      await terminate(target, instance);
      await untilState(target, instance, "Terminating:Wait");
      await group.complete(instance, "ABANDON");
      await untilState(target, instance, "Terminating:Retained");
      const [other] = await group.untilIn("InService");
      assert.equal((await group.describe()).DesiredCapacity, 1, "it does not count");
      await stays(target, "it stays", 60, async () => {
        return (await stateOf(target, instance)) === "Terminating:Retained";
      });
      assert.ok(await target.hasPower(instance));
      await terminate(target, instance);
      await untilState(target, instance, undefined);
      assert.deepEqual(await group.inState("InService"), [other]);
    },
  },
  {
    title: "a time-out retains too when its result is ABANDON",
    source: `${guide}, "Configure instance retention" (a time-out with default result ABANDON)`,
    minutes: 8,
    machines: 1,
    async run(target) {
      const [, instance] = await waitingGroup(target, {
        hooks: [{ ...terminateHook, HeartbeatTimeout: 30, DefaultResult: "ABANDON" }],
        retain: true,
      });
      await eventually(target, "it is retained", expiry, async () => {
        return (await stateOf(target, instance)) === "Terminating:Retained";
      });
      await terminate(target, instance);
      await untilState(target, instance, undefined);
    },
  },
  {
    title: "what is continued is never retained",
    source: `${guide}, "Configure instance retention" (not when they complete with CONTINUE)`,
    minutes: 5,
    machines: 1,
    async run(target) {
      const [group, instance] = await waitingGroup(target, { retain: true });
      await group.complete(instance, "CONTINUE");
      await untilState(target, instance, undefined);
    },
  },
  {
    title: "a hook that is deleted lets go what it holds",
    source: `${reference}, DeleteLifecycleHook (CONTINUE for terminating instances)`,
    minutes: 5,
    machines: 1,
    async run(target) {
      const [group, instance] = await waitingGroup(target);
      await target.client.send(
        new DeleteLifecycleHookCommand({
          AutoScalingGroupName: group.name,
          LifecycleHookName: "terminate",
        }),
      );
      await untilState(target, instance, undefined);
    },
  },
];
