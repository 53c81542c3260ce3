import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  CompleteLifecycleActionCommand,
  DeleteWarmPoolCommand,
  DescribeAutoScalingGroupsCommand,
  PutWarmPoolCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";

import type { Instance } from "../../../../rehearsal/emulators/auto-scaling/state.ts";
import { createWorld, launchHook, terminateHook } from "./world.ts";

const minute = 60_000;

const createPooled = async (onAbandon: "terminate" | "retain" = "terminate") => {
  const world = createWorld();
  const group = await world.settle({
    desired: 1,
    hooks: [terminateHook],
    warmPool: { minSize: 1, maxPrepared: 1, state: "Stopped", reuseOnScaleIn: true },
    onAbandon,
  });
  await world.clock.until(() => world.inState("Warmed:Stopped").length === 1);
  const complete = (instance: Instance, LifecycleActionResult: "CONTINUE" | "ABANDON") =>
    world.client.send(
      new CompleteLifecycleActionCommand({
        AutoScalingGroupName: group.name,
        LifecycleHookName: "drover-terminate",
        InstanceId: instance.id,
        LifecycleActionResult,
      }),
    );
  return { ...world, group, complete };
};

/** States, shortened to those of one stay. */
const statesSince = (instance: Instance, state: string): string[] => {
  const states = instance.history.map((each) => each.state);
  return states.slice(states.findLastIndex((each) => each === state));
};

describe("a warm pool", () => {
  it("holds stopped machines beside the group, which does not show them", async () => {
    const { client, power, inState } = await createPooled();
    const [warm] = inState("Warmed:Stopped");
    const { AutoScalingGroups } = await client.send(new DescribeAutoScalingGroupsCommand({}));
    assert.equal(AutoScalingGroups?.[0]?.Instances?.length, 1);
    assert.deepEqual(
      power.filter((each) => each.startsWith(warm!.id)),
      [`${warm!.id} on`, `${warm!.id} stopped`],
    );
    await assert.rejects(
      client.send(
        new TerminateInstanceInAutoScalingGroupCommand({
          InstanceId: warm!.id,
          ShouldDecrementDesiredCapacity: false,
        }),
      ),
      { name: "ValidationError" },
    );
  });

  it("gives its machines to a growing group, and is filled again", async () => {
    const { emulator, clock, power, inState } = await createPooled();
    const [warm] = inState("Warmed:Stopped");
    emulator.scaleTo("workers", 2);
    await clock.until(() => warm?.state === "InService");
    assert.deepEqual(statesSince(warm!, "Warmed:Stopped"), [
      "Warmed:Stopped",
      "Pending",
      "Pending:Proceed",
      "InService",
    ]);
    assert.ok(power.includes(`${warm!.id} started`));
    await clock.until(() => inState("Warmed:Stopped").length === 1);
  });

  it("takes machines back on scale-in, through the termination hook", async () => {
    const { emulator, clock, events, complete, inState, power } = await createPooled();
    emulator.group("workers").min = 0;
    const [instance] = inState("InService");
    emulator.scaleTo("workers", 0);
    await clock.until(() => instance?.state === "Warmed:Pending:Wait");
    assert.partialDeepStrictEqual(events.at(-1), {
      "detail-type": "EC2 Instance-terminate Lifecycle Action",
      detail: {
        EC2InstanceId: instance!.id,
        LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
        Origin: "AutoScalingGroup",
        Destination: "WarmPool",
      },
    });
    await complete(instance!, "CONTINUE");
    await clock.pass(minute);
    assert.ok(!power.includes(`${instance!.id} off`), "it was not the one that was too much");
    assert.equal(instance!.state, "Warmed:Stopped");
  });

  it("ends or retains what abandons its way back", async () => {
    for (const [onAbandon, end] of [
      ["terminate", "Terminated"],
      ["retain", "Warmed:Pending:Retained"],
    ] as const) {
      const { emulator, clock, complete, inState } = await createPooled(onAbandon);
      const [instance] = inState("InService");
      emulator.scaleTo("workers", 0);
      await clock.until(() => instance?.state === "Warmed:Pending:Wait");
      await complete(instance!, "ABANDON");
      await clock.until(() => instance?.state === end);
    }
  });

  it("is as large as the group may still grow, unless something else is said", async () => {
    const { client, emulator, clock, inState } = createWorld();
    emulator.createGroup({ name: "workers", desired: 1, max: 4 });
    const put = (more: object) =>
      client.send(
        new PutWarmPoolCommand({ AutoScalingGroupName: "workers", PoolState: "Running", ...more }),
      );
    const settled = async (size: number) => {
      await clock.pass(10 * minute);
      assert.equal(inState("Warmed:Running").length, size);
      const { AutoScalingGroups } = await client.send(new DescribeAutoScalingGroupsCommand({}));
      assert.equal(AutoScalingGroups?.[0]?.WarmPoolSize, size);
    };
    await put({});
    await settled(3);
    await put({ MaxGroupPreparedCapacity: 2 });
    await settled(1);
    await put({ MinSize: 2 });
    await settled(2);
    await put({ MaxGroupPreparedCapacity: -1 });
    await settled(3);
    await client.send(new DeleteWarmPoolCommand({ AutoScalingGroupName: "workers" }));
    await clock.pass(10 * minute);
    assert.equal(emulator.group("workers").warmPool, undefined);
    assert.deepEqual([...emulator.group("workers").instances.values()], inState("InService"));
  });

  it("runs the launch hooks on the way in and on the way out", async () => {
    const { emulator, clock, events, inState } = createWorld();
    emulator.createGroup({
      name: "workers",
      max: 2,
      hooks: [{ ...launchHook, heartbeatTimeout: 60 }],
      warmPool: { minSize: 1, maxPrepared: 1, state: "Running", reuseOnScaleIn: false },
    });
    await clock.until(() => inState("Warmed:Running").length === 1);
    emulator.scaleTo("workers", 1);
    await clock.until(() => inState("InService").length === 1);
    const ways = events
      .filter((each) => each["detail-type"] === "EC2 Instance-launch Lifecycle Action")
      .map(({ detail }) => detail as { Origin: string; Destination: string });
    assert.deepEqual(
      ways.slice(0, 2).map(({ Origin, Destination }) => `${Origin} to ${Destination}`),
      ["EC2 to WarmPool", "WarmPool to AutoScalingGroup"],
    );
  });
});
