import { AutoScalingClient } from "@aws-sdk/client-auto-scaling";

import { createAutoScaling } from "../../../../rehearsal/emulators/auto-scaling/auto-scaling.ts";
import type { GroupOptions } from "../../../../rehearsal/emulators/auto-scaling/auto-scaling.ts";
import type { Hook } from "../../../../rehearsal/emulators/auto-scaling/state.ts";
import { launching, terminating } from "../../../../rehearsal/emulators/auto-scaling/state.ts";
import type { BusEvent } from "../../../../rehearsal/emulators/event-bridge/bus.ts";
import { seeded } from "../../../../rehearsal/random.ts";
import { serveInProcess } from "../../../../rehearsal/wire.ts";
import { createManualClock } from "../manual-clock.ts";

export const launchHook: Hook = {
  name: "drover-launch",
  transition: launching,
  heartbeatTimeout: 600,
  defaultResult: "CONTINUE",
};

export const terminateHook: Hook = {
  name: "drover-terminate",
  transition: terminating,
  heartbeatTimeout: 1728,
  defaultResult: "CONTINUE",
  notificationMetadata: "pool=workers",
};

/** An emulator under a clock of its own, with a client of the SDK before it. */
export const createWorld = (seed = 1) => {
  const clock = createManualClock();
  const events: BusEvent[] = [];
  const power: string[] = [];
  const emulator = createAutoScaling({
    clock,
    random: seeded(seed),
    publish: (event) => void events.push(event),
    machines: {
      launched: ({ id }) => void power.push(`${id} on`),
      terminated: ({ id }) => void power.push(`${id} off`),
      stopped: ({ id }) => void power.push(`${id} stopped`),
      started: ({ id }) => void power.push(`${id} started`),
    },
  });
  const client = new AutoScalingClient({
    region: "eu-west-1",
    credentials: { accessKeyId: "tester", secretAccessKey: "secret" },
    requestHandler: serveInProcess(emulator.service, { clock }),
    maxAttempts: 1,
  });

  const inState = (state: string, group = "workers") =>
    emulator.instances(group).filter((each) => each.state === state);
  /** Makes a group and waits until it is as large as it should be. */
  const settle = async (options: Partial<GroupOptions> = {}) => {
    const group = emulator.createGroup({ name: "workers", desired: 2, max: 10, ...options });
    await clock.until(() => inState("InService", group.name).length === group.desired);
    return group;
  };
  return { clock, events, power, emulator, client, inState, settle };
};
