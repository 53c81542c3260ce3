import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rehearseScaleIn } from "../../../rehearsal/scenarios/scale-in.ts";
import { emulatedStage } from "../../../rehearsal/scenarios/stages.ts";
import { type EmulatedPark, foreignInstance } from "../../../rehearsal/world/emulated-park.ts";
import type { World } from "../../../rehearsal/world.ts";

/** Rehearses in a world that misbehaves; what Drover itself can do wrong is in `test/mutants`. */
const brokenBy = async (
  onReady: (world: World) => void,
): Promise<Map<string, readonly string[]>> => {
  const { invariants } = await rehearseScaleIn(emulatedStage, {
    nodes: 4,
    terminate: 2,
    jobs: 8,
    seed: 1,
    onReady,
  });
  return new Map(
    invariants.filter(({ held }) => !held).map(({ name, violations }) => [name, violations]),
  );
};

const nomadOf = (world: World) => (world.park as EmulatedPark).nomad;

describe("a rehearsal sees it", () => {
  test("when somebody else's node is cordoned", async () => {
    const broken = await brokenBy((world) => {
      const node = nomadOf(world).truth.node(foreignInstance) ?? assert.fail();
      node.SchedulingEligibility = "ineligible";
    });
    assert.deepEqual([...broken.keys()], ["nothing-foreign-touched"]);
  });

  test("when a server goes", async () => {
    const broken = await brokenBy((world) => nomadOf(world).setLeader("nomad-server-2"));
    assert.deepEqual([...broken.keys()], ["servers-untouched"]);
  });

  test("when Auto Scaling takes no decision", async () => {
    const broken = await brokenBy(({ autoScaling }) =>
      autoScaling.refuse("CompleteLifecycleAction", "Throttling", Number.POSITIVE_INFINITY),
    );
    assert.match(broken.get("every-hook-decided")?.[0] ?? "", /its time ran out/);
  });
});
