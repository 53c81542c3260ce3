import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  CompleteLifecycleActionCommand,
  DescribeAutoScalingInstancesCommand,
  RecordLifecycleActionHeartbeatCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";

import { createWorld, launchHook, terminateHook } from "./world.ts";

const minute = 60_000;
const hour = 60 * minute;

/** A group of which one instance waits in its termination hook. */
const withWaiting = async (
  options: Parameters<ReturnType<typeof createWorld>["settle"]>[0] = {},
) => {
  const world = createWorld();
  await world.settle({ hooks: [terminateHook], ...options });
  const instance = world.inState("InService")[0]!;
  await world.client.send(
    new TerminateInstanceInAutoScalingGroupCommand({
      InstanceId: instance.id,
      ShouldDecrementDesiredCapacity: false,
    }),
  );
  await world.clock.until(() => instance.state === "Terminating:Wait");
  const action = instance.actions.at(-1)!;
  const named = { AutoScalingGroupName: "workers", LifecycleHookName: "drover-terminate" };
  const complete = (LifecycleActionResult: string, by: object = { InstanceId: instance.id }) =>
    world.client.send(
      new CompleteLifecycleActionCommand({ ...named, ...by, LifecycleActionResult }),
    );
  const beat = () =>
    world.client.send(
      new RecordLifecycleActionHeartbeatCommand({ ...named, InstanceId: instance.id }),
    );
  return { ...world, instance, action, complete, beat };
};

const noAction = (what: string) => ({
  name: "ValidationError",
  message: `No active Lifecycle Action found with ${what}`,
});

describe("a termination hook", () => {
  it("holds the instance, announces itself, and lets it go when it is completed", async () => {
    const { clock, events, power, instance, action, complete, inState } = await withWaiting();
    const event = events.find(
      (each) => each["detail-type"] === "EC2 Instance-terminate Lifecycle Action",
    );
    assert.deepEqual(event?.detail, {
      LifecycleActionToken: action.token,
      AutoScalingGroupName: "workers",
      LifecycleHookName: "drover-terminate",
      EC2InstanceId: instance.id,
      LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
      NotificationMetadata: "pool=workers",
      Origin: "AutoScalingGroup",
      Destination: "EC2",
    });
    await clock.pass(20 * minute);
    assert.equal(instance.state, "Terminating:Wait");
    await complete("CONTINUE");
    assert.equal(instance.state, "Terminating:Proceed");
    assert.ok(!power.includes(`${instance.id} off`), "the power goes off later");
    await clock.until(() => instance.state === "Terminated");
    assert.ok(power.includes(`${instance.id} off`));
    assert.deepEqual(action.outcome, {
      result: "CONTINUE",
      how: "completed",
      by: "tester",
      at: action.startedAt + 20 * minute,
    });
    assert.equal(inState("InService").length, 2, "it was replaced");
    assert.ok(events.some((each) => each["detail-type"] === "EC2 Instance Terminate Successful"));
    assert.deepEqual(
      instance.history.map(({ state }) => state),
      [
        "Pending",
        "Pending:Proceed",
        "InService",
        "Terminating",
        "Terminating:Wait",
        "Terminating:Proceed",
        "Terminated",
      ],
    );
  });

  it("can be completed by its token alone", async () => {
    const { instance, action, complete } = await withWaiting();
    await complete("CONTINUE", { LifecycleActionToken: action.token });
    assert.equal(instance.state, "Terminating:Proceed");
  });

  it("cannot be completed twice, nor late, nor by another token", async () => {
    const { clock, instance, action, complete, beat } = await withWaiting();
    await assert.rejects(
      complete("CONTINUE", { InstanceId: instance.id, LifecycleActionToken: "another" }),
      noAction("token another"),
    );
    await complete("CONTINUE");
    await assert.rejects(complete("CONTINUE"), noAction(`instance ID ${instance.id}`));
    await assert.rejects(beat(), noAction(`instance ID ${instance.id}`));
    await clock.until(() => instance.state === "Terminated");
    await assert.rejects(complete("ABANDON"), noAction(`instance ID ${instance.id}`));
    assert.equal(action.outcome?.result, "CONTINUE");
  });

  it("expires without a heartbeat", async () => {
    const { clock, instance, action } = await withWaiting();
    await clock.pass(1728_000 - 1);
    assert.equal(instance.state, "Terminating:Wait");
    await clock.pass(1);
    assert.equal(instance.state, "Terminating:Proceed");
    assert.deepEqual(action.outcome, {
      result: "CONTINUE",
      how: "expired",
      at: action.startedAt + 1728_000,
    });
  });

  it("is prolonged by heartbeats, but not beyond 48 hours", async () => {
    const { clock, instance, action, beat } = await withWaiting();
    for (let beats = 0; beats < 97; beats++) {
      await clock.pass(30 * minute - minute * 1.5);
      assert.equal(instance.state, "Terminating:Wait");
      await beat();
    }
    await clock.until(() => instance.state !== "Terminating:Wait");
    assert.equal(action.outcome?.how, "expired");

    const second = await withWaiting();
    for (let beats = 0; beats < 100; beats++) {
      await second.clock.pass(28.5 * minute);
      await second.beat();
    }
    await second.clock.until(() => second.instance.state !== "Terminating:Wait");
    assert.equal(second.action.outcome?.how, "expired");
    assert.ok(second.action.outcome.at < second.action.startedAt + 48 * hour + 1);
  });

  it("is limited to 100 heartbeats when they are short", async () => {
    const { clock, instance, action, beat } = await withWaiting({
      hooks: [{ ...terminateHook, heartbeatTimeout: 60 }],
    });
    for (let beats = 0; beats < 119; beats++) {
      await clock.pass(50_000);
      await beat();
    }
    assert.equal(instance.state, "Terminating:Wait");
    await clock.pass(50_000);
    assert.equal(instance.state, "Terminating:Proceed");
    assert.equal(action.outcome?.how, "limit");
    assert.equal(action.outcome.at, action.startedAt + 100 * minute);
  });

  it("retains an instance that is abandoned, where the group says so", async () => {
    const { clock, instance, client, complete, power, inState } = await withWaiting({
      onAbandon: "retain",
    });
    await complete("ABANDON");
    assert.equal(instance.state, "Terminating:Retained");
    await clock.pass(72 * hour);
    assert.equal(instance.state, "Terminating:Retained");
    assert.ok(!power.includes(`${instance.id} off`));
    assert.equal(inState("InService").length, 2, "it does not count");
    await client.send(
      new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: instance.id,
        ShouldDecrementDesiredCapacity: false,
      }),
    );
    await clock.until(() => instance.state === "Terminated");
    assert.equal(inState("InService").length, 2);
  });

  it("retains nothing that was continued, and ends what was abandoned elsewhere", async () => {
    const continued = await withWaiting({ onAbandon: "retain" });
    await continued.complete("CONTINUE");
    await continued.clock.until(() => continued.instance.state === "Terminated");
    const abandoned = await withWaiting();
    await abandoned.complete("ABANDON");
    await abandoned.clock.until(() => abandoned.instance.state === "Terminated");
  });

  it("is one of several: all must continue, one that abandons ends the others", async () => {
    const hooks = [terminateHook, { ...terminateHook, name: "other" }];
    const first = await withWaiting({ hooks });
    await first.complete("CONTINUE");
    assert.equal(first.instance.state, "Terminating:Wait");
    await first.clock.until(() => first.instance.state !== "Terminating:Wait");
    assert.deepEqual(
      first.instance.actions.map(({ outcome }) => outcome?.how),
      ["completed", "expired"],
    );
    const second = await withWaiting({ hooks });
    await second.complete("ABANDON");
    assert.equal(second.instance.state, "Terminating:Proceed");
    assert.deepEqual(
      second.instance.actions.map(({ outcome }) => outcome?.how),
      ["completed", "cancelled"],
    );
  });

  it("does not keep the power on", async () => {
    const { emulator, power, instance, clock, complete } = await withWaiting();
    emulator.powerOff(instance.id);
    assert.ok(power.includes(`${instance.id} off`));
    await clock.pass(10 * minute);
    assert.equal(instance.state, "Terminating:Wait", "the action still has to be completed");
    await complete("CONTINUE");
    await clock.until(() => instance.state === "Terminated");
    assert.equal(power.filter((each) => each === `${instance.id} off`).length, 1);
  });
});

describe("a launch hook", () => {
  it("holds a new instance out of service until it is completed", async () => {
    const { clock, emulator, client, events } = createWorld();
    emulator.createGroup({ name: "workers", desired: 1, hooks: [launchHook, terminateHook] });
    await clock.until(() => emulator.instances()[0]?.state === "Pending:Wait");
    const [instance] = emulator.instances();
    const event = events.find(
      (each) => each["detail-type"] === "EC2 Instance-launch Lifecycle Action",
    );
    assert.partialDeepStrictEqual(event?.detail, {
      EC2InstanceId: instance?.id,
      Origin: "EC2",
      Destination: "AutoScalingGroup",
    });
    await client.send(
      new CompleteLifecycleActionCommand({
        AutoScalingGroupName: "workers",
        LifecycleHookName: "drover-launch",
        LifecycleActionResult: "CONTINUE",
        InstanceId: instance?.id,
      }),
    );
    const { AutoScalingInstances } = await client.send(
      new DescribeAutoScalingInstancesCommand({ InstanceIds: [instance?.id ?? ""] }),
    );
    assert.equal(AutoScalingInstances?.[0]?.LifecycleState, "Pending:Proceed");
    await clock.until(() => instance?.state === "InService");
  });

  it("replaces an instance that is abandoned, by its termination hooks", async () => {
    const { clock, emulator, client, events } = createWorld();
    emulator.createGroup({ name: "workers", desired: 1, hooks: [launchHook, terminateHook] });
    await clock.until(() => emulator.instances()[0]?.state === "Pending:Wait");
    const [instance] = emulator.instances();
    await client.send(
      new CompleteLifecycleActionCommand({
        AutoScalingGroupName: "workers",
        LifecycleHookName: "drover-launch",
        LifecycleActionResult: "ABANDON",
        LifecycleActionToken: instance?.actions[0]?.token,
      }),
    );
    await clock.until(() => instance?.state === "Terminating:Wait");
    await clock.until(() => emulator.instances().some(({ state }) => state === "InService"));
    assert.ok(events.some((each) => each["detail-type"] === "EC2 Instance Launch Unsuccessful"));
  });
});
