import { AutoScalingClient, CreateAutoScalingGroupCommand } from "@aws-sdk/client-auto-scaling";

import type { Clock } from "../../../lambdas/runtime/clock.ts";
import { createAutoScaling } from "../../../rehearsal/emulators/auto-scaling/auto-scaling.ts";
import type { BusEvent } from "../../../rehearsal/emulators/event-bridge/bus.ts";
import { seeded } from "../../../rehearsal/random.ts";
import { serveOverHttp } from "../../../rehearsal/wire.ts";
import { createManualClock } from "../../rehearsal/emulators/manual-clock.ts";
import type { Cloud } from "./cloud.ts";
import { groupPrefix, runTag } from "./marks.ts";

const endpoint = "AWS_ENDPOINT_URL_AUTO_SCALING";

/** An account whose Auto Scaling is the emulator, served as AWS serves it: by its own address. */
export const openAccount = async () => {
  const manual = createManualClock();
  let passing = Promise.resolve();
  /** Time passes only while somebody waits, one after the other. */
  const clock: Clock = {
    now: () => manual.now(),
    sleep: (milliseconds, signal) => {
      passing = passing.then(() => manual.pass(milliseconds));
      return passing.then(() => signal?.throwIfAborted());
    },
  };
  const published: BusEvent[] = [];
  const emulator = createAutoScaling({
    clock: manual,
    random: seeded(7),
    publish: (event) => void published.push(event),
    machines: { launched: () => undefined, terminated: () => undefined },
  });
  let calls = 0;
  const { url, close } = await serveOverHttp((request) => {
    calls += 1;
    return emulator.service(request);
  });

  const before = process.env[endpoint];
  process.env[endpoint] = url;
  const autoScaling = new AutoScalingClient({
    region: "eu-west-1",
    credentials: { accessKeyId: "tester", secretAccessKey: "secret" },
    maxAttempts: 1,
  });

  const templates = new Map<string, string>();
  const channels = new Set<string>();
  const running = () =>
    emulator.instances().filter(({ id, power }) => power !== "off" && !foreign.has(id));
  const foreign = new Set<string>();
  const cloud: Cloud = {
    whoAmI: async () => "arn:aws:iam::123456789012:user/tester",
    findSubnets: async () => ["subnet-eu-west-1a", "subnet-eu-west-1b"],
    makeLaunchTemplate: async (name) => {
      const id = `lt-${String(templates.size).padStart(17, "0")}`;
      templates.set(id, name);
      return id;
    },
    findLaunchTemplates: async () => [...templates.keys()],
    deleteLaunchTemplate: async (id) => void templates.delete(id),
    findMachines: async () => running().map(({ id }) => id),
    terminateMachines: async (ids) => {
      for (const id of ids) emulator.powerOff(id);
    },
    hasPower: async (id) => emulator.instance(id).power !== "off",
    holders: [],
    channel: {
      what: "rules and queues",
      open: async (run) => void channels.add(`events of ${groupPrefix}${run}`),
      receive: async () => published.splice(0),
      find: async () => [...channels],
      remove: async (name) => void channels.delete(name),
    },
  };

  /** A group that another run, or with undefined nobody of ours, has made. */
  const makeGroup = async (name: string, run: string | undefined): Promise<void> => {
    await autoScaling.send(
      new CreateAutoScalingGroupCommand({
        AutoScalingGroupName: name,
        LaunchTemplate: { LaunchTemplateId: "lt-1", Version: "1" },
        MinSize: 0,
        MaxSize: 2,
        DesiredCapacity: 1,
        VPCZoneIdentifier: "subnet-eu-west-1a",
        ...(run !== undefined && { Tags: [{ Key: runTag, Value: run }] }),
      }),
    );
    await manual.pass(60_000);
    if (run === undefined) for (const { id } of emulator.instances(name)) foreign.add(id);
  };

  return {
    emulator,
    autoScaling,
    cloud,
    clock,
    makeGroup,
    calls: () => calls,
    /** What a run should have deleted. */
    left: () => [...templates.values(), ...channels, ...running().map(({ id }) => id)],
    close: async () => {
      if (before === undefined) delete process.env[endpoint];
      else process.env[endpoint] = before;
      autoScaling.destroy();
      emulator.close();
      await close();
    },
  };
};
