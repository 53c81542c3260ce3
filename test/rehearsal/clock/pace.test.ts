import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { type Pace, realPace, virtualPace } from "../../../rehearsal/clock/pace.ts";

let pace: Pace;
afterEach(() => pace.end());

describe("the pace of a rehearsal", () => {
  test("in virtual time, lets hours pass while a promise or a condition is awaited", async () => {
    pace = virtualPace(1);
    const { clock } = pace;
    const began = clock.now();
    const wait = async () => {
      await clock.sleep(7_200_000);
      return "slept";
    };
    assert.equal(await pace.await(wait()), "slept");
    assert.equal(clock.now() - began, 7_200_000);
    assert.equal(await pace.until(() => clock.now() - began >= 7_300_000, 1000), false);
    assert.equal(clock.now() - began, 7_201_000);
  });

  test("in virtual time, hands on what a promise rejects with", async () => {
    pace = virtualPace(1);
    const fail = async () => {
      await pace.clock.sleep(10);
      throw new RangeError("no");
    };
    await assert.rejects(pace.await(fail()), RangeError);
  });

  test("in virtual time, says so when nothing is left that could settle a promise", async () => {
    pace = virtualPace(1);
    await assert.rejects(pace.await(new Promise(() => {})), /nothing is left to happen/);
  });

  test("in real time, waits for a condition, and not for ever", async () => {
    pace = realPace();
    const { clock } = pace;
    let isSo = false;
    void clock.sleep(5).then(() => (isSo = true));
    assert.equal(await pace.until(() => isSo, 5000), true);
    assert.equal(await pace.until(() => false, 1), false);
    assert.equal(await pace.await(Promise.resolve(7)), 7);
  });
});
