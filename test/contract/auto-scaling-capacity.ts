import assert from "node:assert/strict";

import {
  DescribeAutoScalingInstancesCommand,
  SetInstanceHealthCommand,
  SetInstanceProtectionCommand,
} from "@aws-sdk/client-auto-scaling";

import {
  makeGroup,
  settledGroup,
  stateOf,
  terminate,
  terminateHook,
  untilState,
} from "./auto-scaling-groups.ts";
import type { TrialGroup } from "./auto-scaling-groups.ts";
import {
  type AutoScalingCase,
  type AutoScalingTarget,
  refusal,
  stays,
} from "./auto-scaling-target.ts";
import { eventually } from "./eventually.ts";

const guide = "Amazon EC2 Auto Scaling User Guide";
const reference = "Amazon EC2 Auto Scaling API Reference";
const processes = `${guide}, "How suspended processes affect other processes"`;

const protect = (
  { client }: AutoScalingTarget,
  group: TrialGroup,
  InstanceIds: string[],
  ProtectedFromScaleIn: boolean,
) =>
  client.send(
    new SetInstanceProtectionCommand({
      AutoScalingGroupName: group.name,
      InstanceIds,
      ProtectedFromScaleIn,
    }),
  );

const declareUnhealthy = ({ client }: AutoScalingTarget, InstanceId: string) =>
  client.send(
    new SetInstanceHealthCommand({
      InstanceId,
      HealthStatus: "Unhealthy",
      ShouldRespectGracePeriod: false,
    }),
  );

const zoneCounts = async (group: TrialGroup): Promise<readonly number[]> => {
  const counts = new Map<string, number>();
  for (const { AvailabilityZone = "", LifecycleState } of (await group.describe()).Instances ?? [])
    if (LifecycleState === "InService")
      counts.set(AvailabilityZone, (counts.get(AvailabilityZone) ?? 0) + 1);
  return [...counts.values()].toSorted((a, b) => a - b);
};

/** Two zones, of which one has lost both its instances. */
const lopsidedGroup = async (target: AutoScalingTarget): Promise<TrialGroup> => {
  const [group] = await settledGroup(target, { desired: 4, zones: 2 });
  await group.suspend("AZRebalance");
  const { Instances = [] } = await group.describe();
  const zone = Instances[0]?.AvailabilityZone;
  const there = Instances.filter(({ AvailabilityZone }) => AvailabilityZone === zone);
  assert.equal(there.length, 2, "they were spread over the zones");
  for (const { InstanceId = "" } of there) await terminate(target, InstanceId, true);
  await group.untilIn("InService", 2);
  return group;
};

export const capacityCases: readonly AutoScalingCase[] = [
  {
    title: "a termination on request has a replacement unless it decrements",
    source: `${reference}, TerminateInstanceInAutoScalingGroup`,
    minutes: 8,
    machines: 3,
    async run(target) {
      const [group, first = "", second = ""] = await settledGroup(target, { desired: 2, min: 1 });
      await terminate(target, first);
      await untilState(target, first, undefined);
      await group.untilIn("InService", 2);
      assert.equal((await group.describe()).DesiredCapacity, 2);
      await terminate(target, second, true);
      await untilState(target, second, undefined);
      assert.equal((await group.describe()).DesiredCapacity, 1);
      const [third = ""] = await group.untilIn("InService", 1);
      await assert.rejects(
        terminate(target, third, true),
        refusal(/desiredSize equals minSize .* min size constraint/),
      );
      await assert.rejects(
        terminate(target, first),
        refusal(/No managed instance found for instance ID/),
      );
      assert.equal(await stateOf(target, third), "InService");
    },
  },
  {
    title: "a second request to end an instance decrements once more",
    source: "as its users report, documented nowhere: kubernetes/autoscaler#4095",
    minutes: 6,
    machines: 3,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target, {
        desired: 3,
        hooks: [terminateHook],
      });
      await terminate(target, instance, true);
      await untilState(target, instance, "Terminating:Wait");
      assert.equal((await group.describe()).DesiredCapacity, 2);
      await terminate(target, instance, true);
      assert.equal((await group.describe()).DesiredCapacity, 1);
      assert.equal(await stateOf(target, instance), "Terminating:Wait");
    },
  },
  {
    title: "the desired capacity stays within its bounds",
    source: `${reference}, SetDesiredCapacity (MinSize, MaxSize); the text as users quote it`,
    minutes: 1,
    machines: 0,
    async run(target) {
      const group = await makeGroup(target, { desired: 0, max: 1 });
      await assert.rejects(group.scale(2), refusal(/value 2 is above max value 1/));
      assert.equal((await group.describe()).DesiredCapacity, 0);
    },
  },
  {
    title: "what is protected outlives a scale-in, which is not taken back",
    source: `${guide}, "Use instance scale-in protection" (all protected: desired is lowered, nothing ends)`,
    minutes: 10,
    machines: 2,
    async run(target) {
      const [group, first = "", second = ""] = await settledGroup(target, {
        desired: 2,
        protect: true,
      });
      await group.scale(1);
      await stays(target, "both stay", 90, async () => {
        const { DesiredCapacity } = await group.describe();
        return DesiredCapacity === 1 && (await group.inState("InService")).length === 2;
      });
      await protect(target, group, [second], false);
      await untilState(target, second, undefined);
      assert.equal(await stateOf(target, first), "InService");
    },
  },
  {
    title: "protection from scale-in hinders no termination on request",
    source: `${guide}, "Use instance scale-in protection"; ${reference}, TerminateInstanceInAutoScalingGroup`,
    minutes: 5,
    machines: 1,
    async run(target) {
      const [, instance = ""] = await settledGroup(target, { protect: true });
      await terminate(target, instance, true);
      await untilState(target, instance, undefined);
    },
  },
  {
    title: "new instances inherit the group's protection; a stranger cannot be protected",
    source: `${guide}, "Use instance scale-in protection"; ${reference}, SetInstanceProtection`,
    minutes: 4,
    machines: 1,
    async run(target) {
      const [group, instance] = await settledGroup(target, { protect: true });
      const { AutoScalingInstances } = await target.client.send(
        new DescribeAutoScalingInstancesCommand({
          InstanceIds: [instance ?? "", "i-00000000000000000"],
        }),
      );
      assert.equal(AutoScalingInstances?.length, 1, "who is not there is left out");
      assert.equal(AutoScalingInstances[0]?.ProtectedFromScaleIn, true);
      assert.equal(AutoScalingInstances[0]?.HealthStatus, "HEALTHY");
      await assert.rejects(
        protect(target, group, ["i-00000000000000000"], true),
        refusal(/is not part of Auto Scaling group/),
      );
    },
  },
  {
    title: "without Launch nothing is replaced, until it is resumed",
    source: `${processes}, Launch`,
    minutes: 8,
    machines: 1,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target);
      await group.suspend("Launch");
      await terminate(target, instance);
      await untilState(target, instance, undefined);
      await stays(target, "none is launched", 90, async () => (await group.states()).size === 0);
      await group.resume("Launch");
      await group.untilIn("InService");
    },
  },
  {
    title: "without Terminate nothing is scaled in, until it is resumed",
    source: `${processes}, Terminate`,
    minutes: 7,
    machines: 1,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target);
      await group.suspend("Terminate");
      await group.scale(0);
      await stays(target, "it stays", 90, async () => {
        return (await stateOf(target, instance)) === "InService";
      });
      await group.resume("Terminate");
      await untilState(target, instance, undefined);
    },
  },
  {
    title: "processes are suspended by name, all of them when none is named",
    source: `${reference}, SuspendProcesses, ResumeProcesses`,
    minutes: 1,
    machines: 0,
    async run(target) {
      const group = await makeGroup(target, { desired: 0 });
      const suspended = async () =>
        ((await group.describe()).SuspendedProcesses ?? [])
          .map(({ ProcessName = "" }) => ProcessName)
          .toSorted((a, b) => a.localeCompare(b));
      await group.suspend("InstanceRefresh", "AZRebalance");
      assert.deepEqual(await suspended(), ["AZRebalance", "InstanceRefresh"]);
      await group.resume("AZRebalance");
      assert.deepEqual(await suspended(), ["InstanceRefresh"]);
      await group.suspend();
      for (const process of [
        "AZRebalance",
        "HealthCheck",
        "Launch",
        "ReplaceUnhealthy",
        "Terminate",
      ])
        assert.ok((await suspended()).includes(process), process);
      await assert.rejects(group.suspend("Nothing"), { name: "ValidationError" });
    },
  },
  {
    title: "what is declared unhealthy is replaced, by its hooks, protected or not",
    source: `${reference}, SetInstanceHealth; ${guide}, "Use instance scale-in protection" (not from health checks), "Amazon EC2 Auto Scaling lifecycle hooks", availability`,
    minutes: 8,
    machines: 2,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target, {
        hooks: [terminateHook],
        protect: true,
      });
      await declareUnhealthy(target, instance);
      await untilState(target, instance, "Terminating:Wait");
      const [other] = await group.untilIn("InService");
      assert.notEqual(other, instance);
      await group.complete(instance, "CONTINUE");
      await untilState(target, instance, undefined);
    },
  },
  {
    title: "a machine that is gone is noticed and replaced, and still has its hooks",
    source: `${guide}, "Health checks for instances in an Auto Scaling group" (EC2 status), "Amazon EC2 Auto Scaling lifecycle hooks", availability`,
    minutes: 12,
    machines: 2,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target, { hooks: [terminateHook] });
      await target.powerOff(instance);
      await eventually(target, "it is noticed", 600, async () => {
        return (await stateOf(target, instance)) === "Terminating:Wait";
      });
      await group.untilIn("InService");
      await group.complete(instance, "CONTINUE");
      await untilState(target, instance, undefined);
    },
  },
  {
    title: "without ReplaceUnhealthy the unhealthy stay, until it is resumed",
    source: `${processes}, ReplaceUnhealthy`,
    minutes: 9,
    machines: 2,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target);
      await group.suspend("ReplaceUnhealthy");
      await declareUnhealthy(target, instance);
      await stays(target, "it stays", 90, async () => {
        return (await stateOf(target, instance)) === "InService";
      });
      assert.equal((await group.describe()).Instances?.[0]?.HealthStatus, "Unhealthy");
      await group.resume("ReplaceUnhealthy");
      await untilState(target, instance, undefined);
      await group.untilIn("InService");
    },
  },
  {
    title: "without Terminate the unhealthy stay too",
    source: `${processes}, Terminate (ReplaceUnhealthy is inactive)`,
    minutes: 8,
    machines: 1,
    async run(target) {
      const [group, instance = ""] = await settledGroup(target);
      await group.suspend("Terminate", "Launch");
      await declareUnhealthy(target, instance);
      await stays(target, "it stays", 90, async () => {
        return (await stateOf(target, instance)) === "InService";
      });
      await group.resume("Terminate");
      await untilState(target, instance, undefined);
    },
  },
  {
    title: "without HealthCheck nobody sees that a machine is gone, until it is resumed",
    source: `${processes}, HealthCheck`,
    minutes: 15,
    machines: 2,
    slow: "health checks take their time, and twice",
    async run(target) {
      const [group, instance = ""] = await settledGroup(target);
      await group.suspend("HealthCheck");
      await target.powerOff(instance);
      await stays(target, "nobody sees it", 300, async () => {
        const [found] = (await group.describe()).Instances ?? [];
        return found?.InstanceId === instance && found.HealthStatus === "Healthy";
      });
      await group.resume("HealthCheck");
      await untilState(target, instance, undefined);
      await group.untilIn("InService");
    },
  },
  {
    title: "zones out of balance are balanced again, by new instances first",
    source: `${guide}, "Rebalancing activities"`,
    minutes: 25,
    machines: 5,
    slow: "how long AWS takes for it is documented nowhere",
    async run(target) {
      const group = await lopsidedGroup(target);
      await stays(target, "nothing moves while it is suspended", 200, async () => {
        return (await zoneCounts(group)).join() === "2";
      });
      await group.resume("AZRebalance");
      await eventually(target, "both zones have one", 900, async () => {
        const counts = await zoneCounts(group);
        assert.ok(counts.reduce((sum, each) => sum + each) >= 2, "never fewer than desired");
        return counts.join() === "1,1" && (await group.states()).size === 2;
      });
      assert.equal((await group.describe()).DesiredCapacity, 2);
    },
  },
];
