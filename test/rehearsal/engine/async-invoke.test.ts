import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { startVirtualTime, type VirtualTime } from "../../../rehearsal/clock/virtual-time.ts";
import { invokeAsync } from "../../../rehearsal/engine/async-invoke.ts";
import { LambdaFailure } from "../../../rehearsal/engine/lambda-failure.ts";

let time: VirtualTime;
afterEach(() => time.end());

const attemptsOf = async (answer: (attempt: number) => void) => {
  time = startVirtualTime({ seed: 1 });
  const { clock, startedAt } = time;
  const attempts: number[] = [];
  const lost: unknown[] = [];
  void invokeAsync({
    clock,
    maximumRetryAttempts: 2,
    maximumEventAgeSeconds: 3600,
    invoke: async () => {
      attempts.push((clock.now() - startedAt) / 1000);
      answer(attempts.length);
    },
    giveUp: (error) => lost.push(error),
  });
  await time.runUntilIdle();
  return { attempts, lost };
};

describe("an event that nobody waits for", () => {
  test("is handled once when that works", async () => {
    assert.deepEqual(await attemptsOf(() => undefined), { attempts: [0], lost: [] });
  });

  test("is tried again after one minute, then after two, and given up", async () => {
    const error = new Error("no");
    const fail = () => {
      throw error;
    };
    assert.deepEqual(await attemptsOf(fail), { attempts: [0, 60, 180], lost: [error] });
  });

  test("goes back to the queue while the function is throttled, for as long as it may be old", async () => {
    const throttle = () => {
      throw LambdaFailure.throttled();
    };
    const { attempts, lost } = await attemptsOf(throttle);
    assert.deepEqual(attempts.slice(0, 5), [0, 1, 3, 7, 15]);
    assert.equal(lost.length, 1);
    assert.ok((attempts.at(-1) ?? 0) <= 3600);
    assert.ok(attempts.length > 12);
  });
});
