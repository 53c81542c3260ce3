import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  type AutoScalingClient,
  DetachInstancesCommand,
  EnterStandbyCommand,
  ExitStandbyCommand,
  PutWarmPoolCommand,
  ResumeProcessesCommand,
  SetInstanceHealthCommand,
  SetInstanceProtectionCommand,
  SuspendProcessesCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import * as fc from "fast-check";

import {
  capacityOf,
  inPool,
  poolSize,
} from "../../../../rehearsal/emulators/auto-scaling/rules.ts";
import type { Instance } from "../../../../rehearsal/emulators/auto-scaling/state.ts";
import { createWorld, launchHook, terminateHook } from "./world.ts";

const hour = 3_600_000;
const AutoScalingGroupName = "workers";

/** What people and machines do to an instance; AWS may refuse it. */
const deedsWith = (client: AutoScalingClient) => ({
  terminate: ({ id }: Instance) =>
    client.send(
      new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: id,
        ShouldDecrementDesiredCapacity: false,
      }),
    ),
  shrink: ({ id }: Instance) =>
    client.send(
      new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: id,
        ShouldDecrementDesiredCapacity: true,
      }),
    ),
  "step aside": ({ id }: Instance) =>
    client.send(
      new EnterStandbyCommand({
        AutoScalingGroupName,
        InstanceIds: [id],
        ShouldDecrementDesiredCapacity: true,
      }),
    ),
  "step aside, replaced": ({ id }: Instance) =>
    client.send(
      new EnterStandbyCommand({
        AutoScalingGroupName,
        InstanceIds: [id],
        ShouldDecrementDesiredCapacity: false,
      }),
    ),
  "come back": ({ id }: Instance) =>
    client.send(new ExitStandbyCommand({ AutoScalingGroupName, InstanceIds: [id] })),
  detach: ({ id }: Instance) =>
    client.send(
      new DetachInstancesCommand({
        AutoScalingGroupName,
        InstanceIds: [id],
        ShouldDecrementDesiredCapacity: false,
      }),
    ),
  "call unhealthy": ({ id }: Instance) =>
    client.send(new SetInstanceHealthCommand({ InstanceId: id, HealthStatus: "Unhealthy" })),
  protect: ({ id }: Instance) =>
    client.send(
      new SetInstanceProtectionCommand({
        AutoScalingGroupName,
        InstanceIds: [id],
        ProtectedFromScaleIn: true,
      }),
    ),
});

type Deed = keyof ReturnType<typeof deedsWith>;
const names: readonly Deed[] = [
  "terminate",
  "shrink",
  "step aside",
  "step aside, replaced",
  "come back",
  "detach",
  "call unhealthy",
  "protect",
];

const suspendable = ["Launch", "Terminate", "ReplaceUnhealthy", "HealthCheck", "AZRebalance"];

const happening = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant("deed" as const),
      deed: fc.constantFrom(...names),
      which: fc.nat(),
    }),
  },
  fc.record({ what: fc.constant("scale" as const), to: fc.integer({ min: 0, max: 8 }) }),
  fc.record({
    what: fc.constantFrom("power off" as const, "impair" as const, "interrupt" as const),
    which: fc.nat(),
  }),
  fc.record({
    what: fc.constantFrom("suspend" as const, "resume" as const),
    process: fc.constantFrom(...suspendable),
  }),
  fc.record({
    what: fc.constant("pool" as const),
    minSize: fc.integer({ min: 0, max: 2 }),
    prepared: fc.integer({ min: -1, max: 4 }),
    reuse: fc.boolean(),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant("pass" as const),
      seconds: fc.integer({ min: 1, max: 2000 }),
    }),
  },
);

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

const createPlayground = (seed: number) => {
  const { clock, emulator, client, power } = createWorld(seed);
  const group = emulator.createGroup({
    name: AutoScalingGroupName,
    desired: 3,
    max: 8,
    hooks: [
      { ...launchHook, heartbeatTimeout: 60 },
      { ...terminateHook, heartbeatTimeout: 120 },
    ],
  });
  const deeds = deedsWith(client);
  const pick = <T>(from: readonly T[], which: number): T | undefined =>
    from[which % Math.max(1, from.length)];
  /** AWS refuses what does not fit the state; anything else is a fault of the emulator. */
  const ask = async (call: Promise<unknown>): Promise<void> => {
    await call.catch((error: Error) => {
      if (error.name !== "ValidationError") throw error;
    });
  };

  const happen = async (each: Happening): Promise<void> => {
    if (each.what === "pass") await clock.pass(each.seconds * 1000);
    else if (each.what === "scale") emulator.scaleTo(AutoScalingGroupName, each.to);
    else if (each.what === "deed") {
      const instance = pick([...group.instances.values()], each.which);
      if (instance) await ask(deeds[each.deed](instance));
    } else if (each.what === "pool")
      await ask(
        client.send(
          new PutWarmPoolCommand({
            AutoScalingGroupName,
            MinSize: each.minSize,
            MaxGroupPreparedCapacity: each.prepared,
            InstanceReusePolicy: { ReuseOnScaleIn: each.reuse },
          }),
        ),
      );
    else if (each.what === "suspend" || each.what === "resume") {
      const named = { AutoScalingGroupName, ScalingProcesses: [each.process] };
      await ask(
        each.what === "suspend"
          ? client.send(new SuspendProcessesCommand(named))
          : client.send(new ResumeProcessesCommand(named)),
      );
    } else if ("which" in each) {
      const instance = pick(
        [...group.instances.values()].filter((one) => one.power === "on"),
        each.which,
      );
      if (instance === undefined) return;
      if (each.what === "power off") emulator.powerOff(instance.id);
      else if (each.what === "impair") emulator.impair(instance.id);
      else emulator.interrupt(instance.id);
    }
  };

  /** Takes back whatever keeps the group from its rest. */
  const calm = async (): Promise<void> => {
    await clock.pass(hour);
    for (const process of suspendable)
      await ask(
        client.send(
          new ResumeProcessesCommand({ AutoScalingGroupName, ScalingProcesses: [process] }),
        ),
      );
    for (const instance of group.instances.values()) {
      instance.protectedFromScaleIn = false;
      if (instance.state === "Standby") {
        group.max += 1;
        await ask(deeds["come back"](instance));
      }
    }
    emulator.scaleTo(AutoScalingGroupName, group.desired);
    await clock.pass(10 * hour);
  };
  return { emulator, group, power, happen, calm };
};

describe("whatever people do", () => {
  it("the group comes to rest: as large as desired, balanced, healthy, its pool full", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(happening, { maxLength: 30 }),
        async (seed, happenings) => {
          const { emulator, group, power, happen, calm } = createPlayground(seed);
          for (const each of happenings) await happen(each);
          await calm();

          assert.equal(capacityOf(group), group.desired);
          assert.equal(inPool(group).length, poolSize(group));
          const inZones = group.zones.map(
            (zone) =>
              [...group.instances.values()].filter(
                (each) => each.state === "InService" && each.zone === zone,
              ).length,
          );
          assert.ok(Math.max(...inZones) - Math.min(...inZones) <= 1, inZones.join());
          for (const instance of emulator.instances()) {
            const { state } = instance;
            for (const past of instance.history) seen.add(past.state);
            assert.ok(
              ["InService", "Terminated", "Detached", "Warmed:Stopped"].includes(state),
              state,
            );
            if (state === "InService")
              assert.deepEqual([instance.power, instance.health], ["on", "Healthy"]);
            if (state === "Warmed:Stopped") assert.equal(instance.power, "stopped");
            if (state === "Terminated") assert.equal(instance.power, "off");
            for (const { outcome } of instance.actions) assert.ok(outcome, "no action is open");
          }
          const ends = power.filter((each) => each.endsWith(" off"));
          assert.equal(new Set(ends).size, ends.length, "no machine ends twice");
        },
      ),
      { numRuns: 100, seed: 1 },
    );
    for (const state of ["Standby", "Detached", "Warmed:Stopped", "Warmed:Pending:Wait"])
      assert.ok(seen.has(state), `${state} is no accident`);
  });
});
