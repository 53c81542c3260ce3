import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  CompleteLifecycleActionCommand,
  RecordLifecycleActionHeartbeatCommand,
} from "@aws-sdk/client-auto-scaling";
import * as fc from "fast-check";

import { capacityOf } from "../../../../rehearsal/emulators/auto-scaling/rules.ts";
import { createWorld, launchHook, terminateHook } from "./world.ts";

const hour = 3_600_000;

describe("a group", () => {
  it("spreads its instances over its zones, also when it shrinks", async () => {
    const { emulator, settle, clock, inState } = createWorld();
    await settle({ desired: 7, max: 9 });
    const perZone = () => {
      const zones = inState("InService").map(({ zone }) => zone);
      return [...new Set(zones)]
        .map((zone) => zones.filter((each) => each === zone).length)
        .sort((a, b) => a - b);
    };
    assert.deepEqual(perZone(), [2, 2, 3]);
    emulator.scaleTo("workers", 3);
    await clock.pass(hour);
    assert.deepEqual(perZone(), [1, 1, 1]);
  });

  it("ends those with the oldest launch template first", async () => {
    const { emulator, settle, clock, inState } = createWorld();
    const group = await settle({ desired: 3, max: 6, zones: ["a"] });
    group.launchTemplate = { ...group.launchTemplate, version: "10" };
    emulator.scaleTo("workers", 5);
    await clock.pass(hour);
    emulator.scaleTo("workers", 2);
    await clock.pass(hour);
    assert.deepEqual(
      inState("InService").map((each) => each.launchTemplate.version),
      ["10", "10"],
    );
  });

  it("ends nothing that is protected, however low the desired capacity is", async () => {
    const { emulator, settle, clock, inState } = createWorld();
    const group = await settle({ desired: 3, max: 6, newInstancesProtected: true });
    const [first] = inState("InService");
    emulator.scaleTo("workers", 1);
    await clock.pass(hour);
    assert.deepEqual([group.desired, inState("InService").length], [1, 3]);
    first!.protectedFromScaleIn = false;
    emulator.scaleTo("workers", 1);
    await clock.pass(hour);
    assert.deepEqual([first!.state, inState("InService").length], ["Terminated", 2]);
  });

  it("neither launches nor ends anything while that is suspended", async () => {
    const { emulator, settle, clock, inState } = createWorld();
    const group = await settle({ desired: 3, max: 6 });
    group.suspended.add("Terminate").add("Launch");
    for (const desired of [1, 6]) {
      emulator.scaleTo("workers", desired);
      await clock.pass(hour);
      assert.equal(inState("InService").length, 3);
    }
  });

  it("replaces a machine that is gone, by its hooks", async () => {
    const { emulator, settle, clock, inState, events } = createWorld();
    await settle({ hooks: [terminateHook] });
    const [instance] = inState("InService");
    emulator.powerOff(instance!.id);
    assert.equal(instance!.state, "InService", "nobody has noticed");
    await clock.until(() => instance!.state === "Terminating:Wait");
    assert.equal(instance!.health, "Unhealthy");
    await clock.until(() => inState("InService").length === 2);
    assert.equal(
      events.filter(({ detail }) => JSON.stringify(detail).includes("EC2_INSTANCE_TERMINATING"))
        .length,
      1,
    );
  });

  it("replaces a machine that hangs, which has its power until the hooks are through", async () => {
    const { emulator, settle, clock, inState, power } = createWorld();
    await settle({ hooks: [terminateHook] });
    const [instance] = inState("InService");
    emulator.impair(instance!.id);
    await clock.until(() => instance!.state === "Terminating:Wait");
    assert.match(instance!.cause ?? "", /status checks failure/);
    assert.ok(!power.includes(`${instance!.id} off`));
    await clock.until(() => instance!.state === "Terminated");
    assert.ok(power.includes(`${instance!.id} off`));
  });

  it("gives two minutes of warning before it takes a spot instance", async () => {
    const { emulator, settle, clock, inState, events, power } = createWorld();
    await settle({ hooks: [terminateHook] });
    const [instance] = inState("InService");
    emulator.recommendRebalance(instance!.id);
    emulator.interrupt(instance!.id);
    const [recommendation, warning] = events.slice(-2);
    assert.equal(recommendation?.["detail-type"], "EC2 Instance Rebalance Recommendation");
    assert.partialDeepStrictEqual(warning, {
      "detail-type": "EC2 Spot Instance Interruption Warning",
      source: "aws.ec2",
      resources: [`arn:aws:ec2:${instance!.zone}:instance/${instance!.id}`],
      detail: { "instance-id": instance!.id, "instance-action": "terminate" },
    });
    await clock.pass(119_999);
    assert.equal(instance!.power, "on");
    await clock.pass(1);
    assert.deepEqual(power.slice(-1), [`${instance!.id} off`]);
  });

  it("launches nothing while EC2 has no capacity, and catches up", async () => {
    const { emulator, settle, clock, inState, events } = createWorld();
    await settle();
    emulator.failLaunches("workers", "We currently do not have sufficient capacity");
    emulator.scaleTo("workers", 4);
    await clock.pass(300_000);
    assert.equal(inState("InService").length, 2);
    const failures = events.filter(
      (each) => each["detail-type"] === "EC2 Instance Launch Unsuccessful",
    );
    assert.ok(failures.length > 1);
    emulator.failLaunches("workers", undefined);
    await clock.until(() => inState("InService").length === 4);
  });
});

/** Things that happen to a group; numbers choose among what is there. */
const happening = fc.oneof(
  fc.record({ what: fc.constant("scale" as const), to: fc.integer({ min: 0, max: 8 }) }),
  fc.record({
    what: fc.constantFrom(
      "power off" as const,
      "interrupt" as const,
      "continue" as const,
      "abandon" as const,
      "heartbeat" as const,
    ),
    which: fc.nat(),
  }),
  fc.record({ what: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 4000 }) }),
);

describe("whatever happens", () => {
  it("the group comes to rest at its desired capacity, every hook decided once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.constantFrom("terminate" as const, "retain" as const),
        fc.array(happening, { maxLength: 25 }),
        async (seed, onAbandon, happenings) => {
          const { clock, emulator, client, power, events } = createWorld(seed);
          const group = emulator.createGroup({
            name: "workers",
            desired: 3,
            max: 8,
            hooks: [launchHook, terminateHook, { ...terminateHook, name: "second" }],
            onAbandon,
          });
          const pick = <T>(from: readonly T[], which: number): T | undefined =>
            from[which % Math.max(1, from.length)];
          for (const each of happenings) {
            if (each.what === "scale") emulator.scaleTo("workers", each.to);
            else if (each.what === "pass") await clock.pass(each.seconds * 1000);
            else if (each.what === "power off" || each.what === "interrupt") {
              const instance = pick(
                emulator.instances().filter(({ power }) => power === "on"),
                each.which,
              );
              if (instance && each.what === "interrupt") emulator.interrupt(instance.id);
              else if (instance) emulator.powerOff(instance.id);
            } else {
              const action = pick(
                emulator.instances().flatMap(({ actions }) => actions),
                each.which,
              );
              if (action === undefined) continue;
              const named = {
                AutoScalingGroupName: "workers",
                LifecycleHookName: action.hook.name,
                LifecycleActionToken: action.token,
              };
              const wasOver = action.outcome;
              const call =
                each.what === "heartbeat"
                  ? client.send(new RecordLifecycleActionHeartbeatCommand(named))
                  : client.send(
                      new CompleteLifecycleActionCommand({
                        ...named,
                        LifecycleActionResult: each.what === "abandon" ? "ABANDON" : "CONTINUE",
                      }),
                    );
              if (wasOver) {
                await assert.rejects(call, /No active Lifecycle Action found with token/);
                assert.equal(action.outcome, wasOver);
              } else await call;
            }
          }
          await clock.pass(100 * hour);

          assert.equal(capacityOf(group), group.desired);
          for (const instance of emulator.instances()) {
            assert.ok(["InService", "Terminated", "Terminating:Retained"].includes(instance.state));
            if (instance.state === "Terminating:Retained")
              assert.ok(
                onAbandon === "retain" &&
                  instance.actions.some(({ outcome }) => outcome?.result === "ABANDON"),
              );
            if (instance.state === "Terminated") assert.equal(instance.power, "off");
            if (instance.state === "InService") assert.equal(instance.power, "on");
            for (const action of instance.actions) {
              assert.ok(action.outcome, "every action has come to an end");
              assert.ok(action.outcome.at <= action.limitAt);
              const told = events.filter(({ detail }) =>
                JSON.stringify(detail).includes(`"LifecycleActionToken":"${action.token}"`),
              );
              assert.equal(told.length, 1, "and was told once");
            }
          }
          assert.equal(new Set(power).size, power.length, "no machine is switched twice");
        },
      ),
      { numRuns: 60 },
    );
  });
});
