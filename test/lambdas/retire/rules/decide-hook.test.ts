import assert from "node:assert/strict";
import { test } from "node:test";
import { decideHook, isDrainFailed } from "../../../../lambdas/retire/rules/decide-hook.ts";

test("a drain has failed when it was forced, and not when there was nothing to drain", () => {
  assert.equal(isDrainFailed({ outcome: "forced" }), true);
  assert.equal(isDrainFailed({ outcome: "clean" }), false);
  assert.equal(isDrainFailed({ outcome: "none" }), false);
  assert.equal(isDrainFailed(undefined), false);
});

test("a hook is abandoned only after a failure, and only where the pool says retain", () => {
  assert.equal(decideHook({ onDrainFailure: "retain" }, true), "ABANDON");
  assert.equal(decideHook({ onDrainFailure: "retain" }, false), "CONTINUE");
  assert.equal(decideHook({ onDrainFailure: "continue" }, true), "CONTINUE");
  assert.equal(decideHook({ onDrainFailure: "continue" }, false), "CONTINUE");
});
