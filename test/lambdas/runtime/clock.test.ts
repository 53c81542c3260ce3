import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { abortAfter, systemClock } from "../../../lambdas/runtime/clock.ts";
import { createVirtualClock } from "../../rehearsal/emulators/virtual-clock.ts";

describe("a time limit", () => {
  test("aborts with its reason when the clock comes to it", async () => {
    const clock = createVirtualClock();
    const { signal } = abortAfter(clock, 5000);
    await clock.pass(4.999);
    assert.equal(signal.aborted, false);
    await clock.pass(0.001);
    assert.equal(signal.aborted, true);
    assert.equal((signal.reason as Error).name, "TimeoutError");
  });

  test("that was disarmed never does, and leaves nothing waiting", async () => {
    const clock = createVirtualClock();
    const { signal, cancel } = abortAfter(clock, 5000);
    cancel();
    await clock.pass(10);
    assert.equal(signal.aborted, false);
  });
});

describe("a sleep of the process's clock", () => {
  test("ends early with the reason of its signal, also when that came before", async () => {
    const early = new AbortController();
    const sleep = systemClock.sleep(1e6, early.signal);
    early.abort(new Error("enough"));
    await assert.rejects(sleep, /enough/);
    await assert.rejects(systemClock.sleep(1e6, early.signal), /enough/);
  });

  test("of no time, or less, yields once", async () => {
    await systemClock.sleep(0);
    await systemClock.sleep(-5);
  });
});
