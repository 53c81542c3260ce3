import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { seededBy } from "../../../rehearsal/random.ts";
import { rehearseScaleIn } from "../../../rehearsal/scenarios/scale-in.ts";
import { emulatedStage } from "../../../rehearsal/scenarios/stages.ts";
import type { EmulatedPark } from "../../../rehearsal/world/emulated-park.ts";
import type { World } from "../../../rehearsal/world.ts";

const minute = 60_000;

/** Lets something be wrong for a while. */
const forAWhile = async (
  world: World,
  times: { readonly from: number; readonly for: number },
  begin: () => void,
  end: () => void,
): Promise<void> => {
  await world.clock.sleep(times.from);
  begin();
  await world.clock.sleep(times.for);
  end();
};

/** What goes wrong on a bad day; each passes, so that everything has to end well. */
const faults: Readonly<Record<string, (world: World, random: () => number) => void>> = {
  "events come twice": (world) => world.bus.setFaults({ duplicates: 0.7 }),
  "containers die": (world, random) => {
    const kill = async () => {
      for (let round = 0; round < 8; round += 1) {
        await world.clock.sleep(1000 + random() * 25_000);
        world.containers.kill(() => random() < 0.2);
      }
    };
    void kill();
  },
  "containers are slow": (world) =>
    world.containers.setFaults({ coldStart: [1000, 8000], overhead: [100, 900] }),
  "Auto Scaling throttles": (world, random) => {
    for (const operation of [
      "CompleteLifecycleAction",
      "DescribeAutoScalingInstances",
      "DescribeLifecycleHooks",
      "DescribeTags",
      "RecordLifecycleActionHeartbeat",
    ])
      world.autoScaling.refuse(operation, "Throttling", Math.floor(random() * 12));
  },
  "Nomad cannot be reached": (world, random) => {
    const { nomad } = world.park as EmulatedPark;
    const kind = random() < 0.5 ? "refused" : "silent";
    void forAWhile(
      world,
      { from: random() * 2 * minute, for: random() * 15 * minute },
      () => nomad.setOutage(kind),
      () => nomad.setOutage(undefined),
    );
  },
  "Nomad has no leader": (world, random) => {
    const { nomad } = world.park as EmulatedPark;
    void forAWhile(
      world,
      { from: random() * 2 * minute, for: random() * minute },
      () => nomad.setLeader(undefined),
      () => nomad.setLeader("nomad-server-1"),
    );
  },
  "Consul is silent": (world, random) => {
    const { consul } = world.park as EmulatedPark;
    void forAWhile(
      world,
      { from: random() * 3 * minute, for: random() * 10 * minute },
      () => consul.setOutage("silent"),
      () => consul.setOutage(undefined),
    );
  },
};

const names = Object.keys(faults);

describe("on a bad day", () => {
  test("every invariant holds, whatever goes wrong for a while", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
        async (seed, chosen) => {
          let world: World | undefined;
          const { invariants } = await rehearseScaleIn(emulatedStage, {
            nodes: 5,
            terminate: 2,
            jobs: 8,
            seed,
            onReady: (ready) => {
              world = ready;
              for (const name of chosen) faults[name]?.(ready, seededBy(seed, name));
            },
          });
          assert.deepEqual(
            invariants.filter(({ held }) => !held),
            [],
          );
          assert.deepEqual(world?.deadLetters, []);
        },
      ),
      { numRuns: 15, seed: 20_260_105, interruptAfterTimeLimit: 100_000 },
    );
  });
});
