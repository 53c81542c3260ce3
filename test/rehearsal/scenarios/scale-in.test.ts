import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { invariants } from "../../../rehearsal/invariants/invariants.ts";
import { rehearseScaleIn, type ScaleInOptions } from "../../../rehearsal/scenarios/scale-in.ts";
import { emulatedStage } from "../../../rehearsal/scenarios/stages.ts";
import type { World } from "../../../rehearsal/world.ts";

const usual: ScaleInOptions = { nodes: 12, terminate: 4, jobs: 20, seed: 1 };

const rehearse = async (changed: Partial<ScaleInOptions> = {}) => {
  const lines: string[] = [];
  let world: World | undefined;
  const report = await rehearseScaleIn(emulatedStage, {
    ...usual,
    ...changed,
    progress: (seconds, line) => lines.push(`${seconds} ${line}`),
    onReady: (ready) => {
      world = ready;
      changed.onReady?.(ready);
    },
  });
  assert.ok(world);
  return { report, lines, world };
};

/** Everything that happened, in order, with the times of all of it. */
const transcriptOf = ({ lines, world }: { lines: string[]; world: World }) => ({
  lines,
  runs: [...world.engine.runs.values()].map(({ executionArn, events }) => ({
    executionArn,
    events,
  })),
  calls: world.ledger.entries,
  published: world.bus.published,
  log: world.log,
});

describe("a scale-in", () => {
  test("retires every instance, and all invariants hold", async () => {
    const { report, world, lines } = await rehearse();
    assert.deepEqual(
      report.invariants.map(({ name, held, violations }) => ({ name, held, violations })),
      invariants.map(({ name }) => ({ name, held: true, violations: [] })),
    );
    assert.equal(report.retired.length, 4);
    for (const { drain, hook, seconds, calls, transitions } of report.retired) {
      assert.equal(drain, "clean");
      assert.equal(hook, "CONTINUE");
      for (const span of Object.values(seconds)) assert.ok(span !== null && span >= 0);
      assert.ok(calls.nomad > 0 && calls.consul > 0 && calls.aws > 0);
      assert.ok(transitions >= 18);
    }
    assert.ok(report.virtualSeconds > 60);
    assert.deepEqual(world.deadLetters, []);
    assert.match(lines.at(-1) ?? "", /nothing happens any more$/);
    assert.equal(lines.filter((line) => line.endsWith("retired and forgotten")).length, 4);
  });

  test("is the same, event for event, with the same seed, and another with another", async () => {
    const one = transcriptOf(await rehearse({ seed: 5 }));
    const same = transcriptOf(await rehearse({ seed: 5 }));
    const other = transcriptOf(await rehearse({ seed: 6 }));
    assert.deepEqual(same, one);
    assert.notDeepEqual(other.runs, one.runs);
  });

  test("leaves the process as it was: its time, its timers and its environment", async () => {
    const key = process.env["AWS_ACCESS_KEY_ID"];
    const { setTimeout, Date } = globalThis;
    await rehearse({ nodes: 3, terminate: 1, jobs: 4 });
    assert.equal(process.env["AWS_ACCESS_KEY_ID"], key);
    assert.equal(globalThis.setTimeout, setTimeout);
    assert.equal(globalThis.Date, Date);
    assert.ok(!process.getActiveResourcesInfo().includes("Timeout"));
  });
});
