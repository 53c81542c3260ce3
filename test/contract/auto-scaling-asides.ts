import assert from "node:assert/strict";

import {
  CreateAutoScalingGroupCommand,
  DeleteAutoScalingGroupCommand,
  DeleteWarmPoolCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeTagsCommand,
  DescribeWarmPoolCommand,
  DetachInstancesCommand,
  EnterStandbyCommand,
  ExitStandbyCommand,
  PutWarmPoolCommand,
} from "@aws-sdk/client-auto-scaling";
import type { PutWarmPoolCommandInput } from "@aws-sdk/client-auto-scaling";

import type { TrialGroup } from "./auto-scaling-groups.ts";
import {
  aLaunch,
  groupInput,
  launchHook,
  makeGroup,
  settledGroup,
  stateOf,
  terminate,
  terminateHook,
  untilState,
  waitingGroup,
} from "./auto-scaling-groups.ts";
import {
  type AutoScalingCase,
  type AutoScalingTarget,
  refusal,
  stays,
} from "./auto-scaling-target.ts";
import { eventually } from "./eventually.ts";

const guide = "Amazon EC2 Auto Scaling User Guide";
const reference = "Amazon EC2 Auto Scaling API Reference";
const pools = `${guide}, "Use lifecycle hooks with a warm pool in Auto Scaling group"`;
const availability = `${guide}, "Amazon EC2 Auto Scaling lifecycle hooks", availability`;

/** Waits until the pool has one instance, in a state; gives it. */
const untilWarm = (target: AutoScalingTarget, group: TrialGroup, state: string) =>
  eventually(target, `the pool's instance is ${state}`, 2 * aLaunch, async () => {
    const { Instances } = await target.client.send(
      new DescribeWarmPoolCommand({ AutoScalingGroupName: group.name }),
    );
    return Instances?.find(({ LifecycleState }) => LifecycleState === state)?.InstanceId;
  });

const putPool = (
  { client }: AutoScalingTarget,
  group: TrialGroup,
  more: Partial<PutWarmPoolCommandInput> = {},
) =>
  client.send(
    new PutWarmPoolCommand({
      AutoScalingGroupName: group.name,
      MinSize: 1,
      MaxGroupPreparedCapacity: 1,
      PoolState: "Running",
      ...more,
    }),
  );

const named = (group: TrialGroup, instance: string) => ({
  AutoScalingGroupName: group.name,
  InstanceIds: [instance],
});

const detach = (
  { client }: AutoScalingTarget,
  group: TrialGroup,
  instance: string,
  ShouldDecrementDesiredCapacity: boolean,
) =>
  client.send(
    new DetachInstancesCommand({ ...named(group, instance), ShouldDecrementDesiredCapacity }),
  );

const enterStandby = (
  { client }: AutoScalingTarget,
  group: TrialGroup,
  instance: string,
  ShouldDecrementDesiredCapacity: boolean,
) =>
  client.send(
    new EnterStandbyCommand({ ...named(group, instance), ShouldDecrementDesiredCapacity }),
  );

const leaveStandby = ({ client }: AutoScalingTarget, group: TrialGroup, instance: string) =>
  client.send(new ExitStandbyCommand(named(group, instance)));

const poolCases: readonly AutoScalingCase[] = [
  {
    title: "a warm pool holds stopped machines beside the group, which does not show them",
    source: `${guide}, "Decrease latency for applications with long boot times using warm pools"; ${reference}, TerminateInstanceInAutoScalingGroup (not in a warm pool)`,
    minutes: 8,
    machines: 1,
    async run(target) {
      const group = await makeGroup(target, { desired: 0 });
      await putPool(target, group, { PoolState: "Stopped" });
      const warm = await untilWarm(target, group, "Warmed:Stopped");
      assert.equal((await group.states()).size, 0);
      await assert.rejects(terminate(target, warm), { name: "ValidationError" });
      await target.client.send(
        new DeleteWarmPoolCommand({ AutoScalingGroupName: group.name, ForceDelete: true }),
      );
      await untilState(target, warm, undefined);
    },
  },
  {
    title: "a growing group takes from its warm pool, and the launch hook holds twice",
    source: `${pools} (Warmed:Pending:Wait, then Pending:Wait)`,
    minutes: 9,
    machines: 2,
    async run(target) {
      const group = await makeGroup(target, { desired: 0, hooks: [launchHook] });
      await putPool(target, group);
      const warm = await untilWarm(target, group, "Warmed:Pending:Wait");
      await group.complete(warm, "CONTINUE", "launch");
      await untilWarm(target, group, "Warmed:Running");
      await group.scale(1);
      await untilState(target, warm, "Pending:Wait");
      await group.complete(warm, "CONTINUE", "launch");
      await untilState(target, warm, "InService");
    },
  },
  {
    title: "a group that reuses instances puts them back, through the termination hook",
    source: `${guide}, "Warm pool example events and patterns" (a termination action with destination WarmPool); ${reference}, InstanceReusePolicy`,
    minutes: 10,
    machines: 2,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target, { hooks: [terminateHook] });
      await group.suspend("Launch");
      await putPool(target, group, { InstanceReusePolicy: { ReuseOnScaleIn: true } });
      await group.scale(0);
      await untilState(target, instance, "Warmed:Pending:Wait");
      await group.complete(instance, "CONTINUE");
      await untilState(target, instance, "Warmed:Running");
      assert.ok(await target.hasPower(instance));
    },
  },
];

const asideCases: readonly AutoScalingCase[] = [
  {
    title: "an instance that is detached asks no hook, keeps running, and may be replaced",
    source: `${availability} (not when instances are detached); ${reference}, DetachInstances`,
    minutes: 8,
    machines: 3,
    async run(target) {
      const [group, first = "", second = ""] = await settledGroup(target, {
        desired: 2,
        hooks: [terminateHook],
      });
      await detach(target, group, first, true);
      await untilState(target, first, undefined);
      assert.equal((await group.describe()).DesiredCapacity, 1);
      assert.ok(await target.hasPower(first));
      await detach(target, group, second, false);
      await untilState(target, second, undefined);
      const [third] = await group.untilIn("InService");
      assert.ok(third !== first && third !== second);
      assert.equal((await group.describe()).DesiredCapacity, 1);
      await assert.rejects(
        detach(target, group, first, true),
        refusal(/is not part of Auto Scaling group/),
      );
      for (const each of [first, second]) await target.powerOff(each);
    },
  },
  {
    title: "standby takes an instance out and back without hooks, and moves the capacity",
    source: `${guide}, "Temporarily remove instances from your Auto Scaling group"; ${availability}`,
    minutes: 7,
    machines: 1,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target, { hooks: [terminateHook] });
      await assert.rejects(leaveStandby(target, group, instance), { name: "ValidationError" });
      await enterStandby(target, group, instance, true);
      await untilState(target, instance, "Standby");
      assert.equal((await group.describe()).DesiredCapacity, 0);
      await stays(target, "it stays", 60, async () => {
        return (await stateOf(target, instance)) === "Standby";
      });
      await leaveStandby(target, group, instance);
      await untilState(target, instance, "InService");
      assert.equal((await group.describe()).DesiredCapacity, 1);
    },
  },
  {
    title: "standby without a decrement is replaced, and then one is too many",
    source: `${guide}, "Temporarily remove instances from your Auto Scaling group" (the termination policy reduces the group)`,
    minutes: 9,
    machines: 2,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target, { max: 2 });
      await enterStandby(target, group, instance, false);
      await untilState(target, instance, "Standby");
      await group.untilIn("InService");
      assert.equal((await group.describe()).DesiredCapacity, 1);
      await leaveStandby(target, group, instance);
      await group.untilIn("InService", 2);
      assert.equal((await group.describe()).DesiredCapacity, 2, "the group has grown by it");
    },
  },
  {
    title: "standby and detaching keep to the minimum, and to what is in service",
    source: `${reference}, EnterStandby, DetachInstances; the texts as users quote them`,
    minutes: 4,
    machines: 1,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target, { min: 1 });
      const tooFew = refusal(/please update the AutoScalingGroup sizes appropriately/);
      await assert.rejects(enterStandby(target, group, instance, true), tooFew);
      await assert.rejects(detach(target, group, instance, true), tooFew);
      await enterStandby(target, group, instance, false);
      await untilState(target, instance, "Standby");
      await assert.rejects(
        enterStandby(target, group, instance, false),
        refusal(/is not in InService/),
      );
    },
  },
];

const groupCases: readonly AutoScalingCase[] = [
  {
    title: "a group with instances is deleted by force only, which asks no hook",
    source: `${reference}, DeleteAutoScalingGroup; ${availability} (not with force delete)`,
    minutes: 8,
    machines: 2,
    async run(target) {
      const [group, waiting] = await waitingGroup(target, { desired: 2 });
      const [other = ""] = await group.untilIn("InService");
      const remove = (ForceDelete: boolean) =>
        target.client.send(
          new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: group.name, ForceDelete }),
        );
      await assert.rejects(remove(false), /You cannot delete an AutoScalingGroup while there are/);
      await remove(true);
      await untilState(target, waiting, undefined);
      await untilState(target, other, undefined);
      assert.ok(!(await target.hasPower(other)));
      await eventually(target, "the group is gone", aLaunch, async () => {
        const { AutoScalingGroups } = await target.client.send(
          new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [group.name] }),
        );
        return AutoScalingGroups?.length === 0;
      });
      await assert.rejects(
        group.complete(waiting, "CONTINUE"),
        refusal(/No active Lifecycle Action found|AutoScalingGroup name not found/i),
      );
    },
  },
  {
    title: "a name is given once, and tags find what has it",
    source: `${reference}, CreateAutoScalingGroup (AlreadyExists), DescribeTags, Filter`,
    minutes: 1,
    machines: 0,
    async run(target) {
      const group = await makeGroup(target, { desired: 0 });
      await assert.rejects(
        target.client.send(
          new CreateAutoScalingGroupCommand(groupInput(target, group.name, { desired: 0 })),
        ),
        { name: "AlreadyExistsFault" },
      );
      const { Tags = [] } = await target.client.send(
        new DescribeTagsCommand({
          Filters: [{ Name: "auto-scaling-group", Values: [group.name] }],
        }),
      );
      assert.deepEqual(
        Tags.map(({ Key, Value }) => [Key, Value]),
        target.tags.map(({ Key, Value }) => [Key, Value]),
      );
      const [tag] = target.tags;
      const { AutoScalingGroups = [] } = await target.client.send(
        new DescribeAutoScalingGroupsCommand({
          Filters: [{ Name: `tag:${tag?.Key}`, Values: [tag?.Value ?? ""] }],
        }),
      );
      assert.ok(AutoScalingGroups.some((each) => each.AutoScalingGroupName === group.name));
    },
  },
];

export const otherCases: readonly AutoScalingCase[] = [...poolCases, ...asideCases, ...groupCases];
