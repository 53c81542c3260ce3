import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TaskHandler } from "../../../lambdas/runtime/task.ts";
import { rehearseScaleIn, type ScaleInOptions } from "../../../rehearsal/scenarios/scale-in.ts";
import { emulatedStage } from "../../../rehearsal/scenarios/stages.ts";
import { type EmulatedPark, foreignInstance } from "../../../rehearsal/world/emulated-park.ts";
import { findHandler } from "../../../rehearsal/world/handlers.ts";
import type { World } from "../../../rehearsal/world.ts";

/** Rehearses with some handlers that do not do their work, or with a world that misbehaves. */
const brokenBy = async (
  lies: Readonly<Record<string, TaskHandler>>,
  options: Partial<ScaleInOptions> = {},
): Promise<Map<string, readonly string[]>> => {
  const { invariants } = await rehearseScaleIn(emulatedStage, {
    nodes: 4,
    terminate: 2,
    jobs: 8,
    seed: 1,
    handlers: (task) => {
      const lie = lies[task];
      return lie === undefined ? findHandler(task) : { createHandler: () => lie };
    },
    ...options,
  });
  return new Map(
    invariants.filter(({ held }) => !held).map(({ name, violations }) => [name, violations]),
  );
};

const nomadOf = (world: World) => (world.park as EmulatedPark).nomad;

describe("a rehearsal sees it", () => {
  test("when a drain is called over that has just begun", async () => {
    const broken = await brokenBy({
      "retire/await-drain": async (event) => {
        const { drain } = event as { drain: object };
        return { ...drain, status: "drained", endedAt: new Date().toISOString(), waitSeconds: 0 };
      },
    });
    assert.match(broken.get("no-live-work-lost")?.[0] ?? "", /before its deadline with \d+ live/);
  });

  test("when nobody is forgotten", async () => {
    const done: TaskHandler = async () => ({
      nomad: "purged",
      consul: "removed",
      done: true,
      waitSeconds: 1,
      attempts: 1,
      explanation: "",
    });
    const broken = await brokenBy({ "retire/forget-node": done, "retire/look-again": done });
    assert.deepEqual(
      broken
        .get("nobody-remembered")
        ?.map((violation) => violation.replace(/ i-\w+( \(\w+\))?$/, ""))
        .sort(),
      [
        "Consul still has the member",
        "Consul still has the member",
        "Nomad still has the node of",
        "Nomad still has the node of",
      ],
    );
  });

  test("when ownership and slots are not given back", async () => {
    const broken = await brokenBy({
      "retire/give-slot-back": async (event) => (event as { slot: unknown }).slot,
      "retire/record-retirement": async () => ({}),
    });
    const left = broken.get("nothing-left-taken") ?? [];
    assert.ok(left.some((violation) => /instance#i-\w+ is still owned/.test(violation)));
    assert.ok(left.some((violation) => /slot.* is still held by arn:aws:states/.test(violation)));
  });

  test("when somebody else's node is cordoned", async () => {
    const broken = await brokenBy(
      {},
      {
        onReady: (world) => {
          const node = nomadOf(world).truth.node(foreignInstance) ?? assert.fail();
          node.SchedulingEligibility = "ineligible";
        },
      },
    );
    assert.deepEqual([...broken.keys()], ["nothing-foreign-touched"]);
  });

  test("when a server goes", async () => {
    const broken = await brokenBy(
      {},
      {
        onReady: (world) => nomadOf(world).setLeader("nomad-server-2"),
      },
    );
    assert.deepEqual([...broken.keys()], ["servers-untouched"]);
  });

  test("when Auto Scaling takes no decision", async () => {
    const broken = await brokenBy(
      {},
      {
        onReady: ({ autoScaling }) =>
          autoScaling.refuse("CompleteLifecycleAction", "Throttling", Number.POSITIVE_INFINITY),
      },
    );
    assert.match(broken.get("every-hook-decided")?.[0] ?? "", /its time ran out/);
  });
});
