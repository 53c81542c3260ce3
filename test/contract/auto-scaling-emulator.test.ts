import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { AutoScalingClient, SetDesiredCapacityCommand } from "@aws-sdk/client-auto-scaling";
import type { AutoScalingServiceException } from "@aws-sdk/client-auto-scaling";

import { createAutoScaling } from "../../rehearsal/emulators/auto-scaling/auto-scaling.ts";
import type { BusEvent } from "../../rehearsal/emulators/event-bridge/bus.ts";
import { seeded } from "../../rehearsal/random.ts";
import { serveInProcess } from "../../rehearsal/wire.ts";
import { createManualClock } from "../rehearsal/emulators/manual-clock.ts";
import { makeGroup } from "./auto-scaling-groups.ts";
import { type AutoScalingTarget, groupOf } from "./auto-scaling-target.ts";
import { autoScalingContract } from "./auto-scaling.ts";

/** The emulator, in a time that passes only while a case waits. */
const openEmulator = (seed: number) => {
  const clock = createManualClock();
  const events: BusEvent[] = [];
  const emulator = createAutoScaling({
    clock,
    random: seeded(seed),
    publish: (event) => void events.push(event),
    machines: { launched: () => undefined, terminated: () => undefined },
  });
  let serial = 0;
  const target: AutoScalingTarget = {
    client: new AutoScalingClient({
      region: "eu-west-1",
      credentials: { accessKeyId: "tester", secretAccessKey: "secret" },
      requestHandler: serveInProcess(emulator.service, { clock }),
      maxAttempts: 1,
    }),
    patience: 1,
    interval: 1,
    launchTemplate: { LaunchTemplateId: "lt-0123456789abcdef0", Version: "1" },
    subnets: ["subnet-eu-west-1a", "subnet-eu-west-1b"],
    tags: [{ Key: "drover:contract", Value: "yes", PropagateAtLaunch: true }],
    newName: () => `contract-${(serial += 1)}`,
    powerOff: async (instanceId) => emulator.powerOff(instanceId),
    hasPower: async (instanceId) => emulator.instance(instanceId).power !== "off",
    events: async (group) => events.filter(({ detail }) => groupOf(detail) === group),
    seconds: () => clock.now() / 1000,
    pause: (seconds) => clock.pass(seconds * 1000),
  };
  return { emulator, target };
};

describe("Auto Scaling, emulated", () => {
  for (const { title, run } of autoScalingContract)
    it(title, async () => {
      for (const seed of [1, 2, 3]) await run(openEmulator(seed).target);
    });

  it("names its throttling as AWS does", async () => {
    // Code `Throttling`, text `Rate exceeded`, status 400: as the logs of its users have it.
    const { emulator, target } = openEmulator(1);
    const group = await makeGroup(target, { desired: 0 });
    emulator.refuse("SetDesiredCapacity", "Throttling");
    await assert.rejects(
      target.client.send(
        new SetDesiredCapacityCommand({ AutoScalingGroupName: group.name, DesiredCapacity: 0 }),
      ),
      (error: AutoScalingServiceException) => {
        assert.deepEqual(
          [error.name, error.message, error.$metadata.httpStatusCode],
          ["Throttling", "Rate exceeded", 400],
        );
        return true;
      },
    );
  });
});

describe("the contract", () => {
  it("names a source for everything, and each thing once", () => {
    const titles = autoScalingContract.map(({ title }) => title);
    assert.equal(new Set(titles).size, titles.length);
    for (const { title, source } of autoScalingContract)
      assert.match(source, /^Amazon EC2|^as its users report/, title);
  });
});
