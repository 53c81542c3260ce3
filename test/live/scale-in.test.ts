import assert from "node:assert/strict";
import { test } from "node:test";
import { rehearseScaleIn } from "../../rehearsal/scenarios/scale-in.ts";
import { liveStage } from "../../rehearsal/scenarios/stages.ts";

test("a scale-in with real Nomad and Consul agents breaks no invariant", async () => {
  const lines: string[] = [];
  const report = await rehearseScaleIn(await liveStage(), {
    nodes: 3,
    terminate: 1,
    jobs: 5,
    seed: 1,
    progress: (seconds, line) => lines.push(`${seconds.toFixed(1)} ${line}`),
  });
  assert.deepEqual(
    report.invariants.filter(({ held }) => !held),
    [],
    lines.join("\n"),
  );
  const [retired] = report.retired;
  assert.equal(report.retired.length, 1);
  assert.equal(retired?.drain, "clean");
  assert.equal(retired.hook, "CONTINUE");
  assert.ok(retired.calls.nomad > 0 && retired.calls.consul > 0 && retired.calls.aws > 0);
});
