import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import * as v from "valibot";
import type { Hook } from "../../../../lambdas/retire/retirement.ts";
import {
  completionMarginSeconds,
  drainDeadlineSeconds,
  giveUpAt,
  growingWaitSeconds,
  heldWaitSeconds,
  isHookRunningOut,
  isTooLateToQueue,
  killGraceSeconds,
  firstSystemRoundSeconds,
  roundSeconds,
  secondsToQueue,
  systemDeadlineSeconds,
  wantedDeadlineSeconds,
  withinHook,
} from "../../../../lambdas/retire/rules/deadlines.ts";
import { poolSettings } from "../../../../lambdas/runtime/pool-settings.ts";
import { retireTasks } from "../../../../stepfunctions/tasks.ts";

const now = Date.UTC(2026, 0, 5, 9);

/** A hook with so many seconds left of its life. */
const hookWith = (seconds: number, heartbeatSeconds = 1728): Hook => ({
  name: "drover-default/retire",
  token: "token",
  heartbeatSeconds,
  startedAt: new Date(now).toISOString(),
  deadline: new Date(now + seconds * 1000).toISOString(),
});
const settingsWith = (given: v.InferInput<typeof poolSettings> = {}) =>
  v.parse(poolSettings, given);

const anySettings = fc
  .record(
    {
      drainDeadlineSeconds: fc.integer({ min: 1, max: 47 * 3600 }),
      batchDrainDeadlineSeconds: fc.integer({ min: 1, max: 47 * 3600 }),
      systemDrainDeadlineSeconds: fc.integer({ min: 1, max: 3600 }),
    },
    { requiredKeys: [] },
  )
  .map(settingsWith);
const anyHook = fc
  .tuple(fc.integer({ min: -100, max: 48 * 3600 }), fc.integer({ min: 30, max: 7200 }))
  .map(([seconds, heartbeat]) => hookWith(seconds, heartbeat));
const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((r) => () => r);

describe("the deadline of a drain", () => {
  for (const [title, settings, hook, hasBatchWork, seconds] of [
    ["is the pool's", {}, null, false, 1800],
    ["is the pool's for batch work", { batchDrainDeadlineSeconds: 7200 }, null, true, 7200],
    ["of batch work leaves others alone", { batchDrainDeadlineSeconds: 7200 }, null, false, 1800],
    ["holds for batch work where that has none of its own", {}, null, true, 1800],
    ["is the pool's under a hook that lives long enough", {}, hookWith(7200), false, 1800],
    // 120 s for kill time-outs, 60 s for system jobs, 120 s for theirs, 60 s to complete.
    ["leaves room for all that follows it", {}, hookWith(1000), false, 640],
    ["is a second where there is no room", {}, hookWith(200), false, 1],
    ["is a second after the hook has ended", {}, hookWith(-10), false, 1],
  ] as const) {
    test(title, () => {
      assert.equal(drainDeadlineSeconds(settingsWith(settings), hook, hasBatchWork, now), seconds);
    });
  }

  test("is never below a second, never above what the pool wants, never beyond the hook", () => {
    fc.assert(
      fc.property(anySettings, anyHook, fc.boolean(), (settings, hook, hasBatchWork) => {
        const seconds = drainDeadlineSeconds(settings, hook, hasBatchWork, now);
        assert.ok(seconds >= 1);
        assert.ok(seconds <= wantedDeadlineSeconds(settings, hasBatchWork));
        const decided = giveUpAt(now + seconds * 1000, hook);
        assert.ok(decided <= Date.parse(hook.deadline) - completionMarginSeconds * 1000);
        assert.ok(decided <= now + (seconds + killGraceSeconds) * 1000);
      }),
    );
  });

  test("is whole for every drain that did not wait too long for its slot", () => {
    fc.assert(
      fc.property(anySettings, anyHook, fc.boolean(), (settings, hook, hasBatchWork) => {
        fc.pre(!isTooLateToQueue(settings, hook, now));
        const seconds = drainDeadlineSeconds(settings, hook, hasBatchWork, now);
        assert.equal(seconds, wantedDeadlineSeconds(settings, hasBatchWork));
      }),
    );
  });
});

describe("the deadline of system jobs", () => {
  test("is the pool's, less when the hook does not live that long, at least a second", () => {
    const settings = settingsWith({ systemDrainDeadlineSeconds: 300 });
    assert.equal(systemDeadlineSeconds(settings, null, now), 300);
    assert.equal(systemDeadlineSeconds(settings, hookWith(3600), now), 300);
    assert.equal(systemDeadlineSeconds(settings, hookWith(400), now), 220);
    assert.equal(systemDeadlineSeconds(settings, hookWith(100), now), 1);
  });
});

describe("the queue for a slot", () => {
  test("has no end without a hook", () => {
    assert.equal(isTooLateToQueue(settingsWith(), null, now), false);
    assert.equal(secondsToQueue(settingsWith(), null, now), Number.POSITIVE_INFINITY);
  });

  test("ends when the longer of both deadlines would no longer fit", () => {
    const settings = settingsWith({ batchDrainDeadlineSeconds: 3600 });
    assert.equal(isTooLateToQueue(settings, hookWith(3600 + 361), now), false);
    assert.equal(isTooLateToQueue(settings, hookWith(3600 + 360), now), true);
    assert.equal(isTooLateToQueue(settings, hookWith(3600 + 359), now), true);
  });

  test("is over exactly when its seconds are", () => {
    fc.assert(
      fc.property(anySettings, anyHook, (settings, hook) => {
        const left = secondsToQueue(settings, hook, now);
        assert.equal(isTooLateToQueue(settings, hook, now), left <= 0);
        fc.pre(left > 0);
        assert.equal(isTooLateToQueue(settings, hook, now + left * 1000), true);
      }),
    );
  });
});

describe("a hook", () => {
  test("runs out a minute before its limit, so that Drover decides it and not its default", () => {
    assert.equal(isHookRunningOut(hookWith(61), now), false);
    assert.equal(isHookRunningOut(hookWith(60), now), true);
    assert.equal(isHookRunningOut(hookWith(-1), now), true);
    assert.equal(isHookRunningOut(null, now), false);
  });

  test("gets a heartbeat in time although a round dies and is done again, within Lambda's fifteen minutes", () => {
    assert.equal(roundSeconds(hookWith(3600, 30)), 13);
    assert.equal(roundSeconds(hookWith(3600, 1728)), 777);
    assert.equal(roundSeconds(hookWith(3600, 7200)), 780);
    assert.equal(roundSeconds(null), 780);
    for (const seconds of [100, 300, 1728, 7200]) {
      const hook = hookWith(3600, seconds);
      const untilNextBeat = 0.1 * seconds + roundSeconds(hook) + firstSystemRoundSeconds(hook);
      assert.ok(untilNextBeat <= 0.8 * seconds);
    }
    const functionLives = retireTasks["retire/drain-node"].timeoutSeconds;
    fc.assert(
      fc.property(anyHook, (hook) => {
        const round = roundSeconds(hook);
        assert.ok(round >= 10 && round + 30 <= functionLives);
        assert.ok(round * 2 <= hook.heartbeatSeconds);
      }),
    );
    assert.ok(functionLives + roundSeconds(hookWith(3600, 1728)) + 60 < 1728);
  });
});

describe("a pause", () => {
  test("grows by a tenth of what was waited, with a quarter of jitter, between its bounds", () => {
    const bounds = { least: 10, most: 300 };
    assert.equal(
      growingWaitSeconds(0, bounds, () => 0.5),
      10,
    );
    assert.equal(
      growingWaitSeconds(1000, bounds, () => 0.5),
      100,
    );
    assert.equal(
      growingWaitSeconds(1000, bounds, () => 0),
      75,
    );
    assert.equal(
      growingWaitSeconds(1e9, bounds, () => 0.5),
      300,
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4 * 86_400 }), anyRandom, (waited, random) => {
        const seconds = growingWaitSeconds(waited, bounds, random);
        assert.ok(Number.isInteger(seconds));
        assert.ok(seconds >= bounds.least * 0.75 - 0.5 && seconds <= bounds.most * 1.25 + 0.5);
      }),
    );
  });

  test("outlasts neither the heartbeat nor the moment when the hook has to be decided", () => {
    assert.equal(withinHook(300, hookWith(3600, 30), now), 13);
    assert.equal(withinHook(300, hookWith(200), now), 140);
    assert.equal(withinHook(300, hookWith(-200), now), 300);
    assert.equal(withinHook(300, null, now), 300);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), anyHook, (seconds, hook) => {
        const pause = withinHook(seconds, hook, now);
        // A Wait state takes whole seconds.
        assert.ok(Number.isInteger(pause) && pause >= 1 && pause <= seconds);
        assert.ok(pause <= roundSeconds(hook));
        fc.pre(!isHookRunningOut(hook, now));
        assert.ok(now + pause * 1000 <= Date.parse(hook.deadline) - 59_000);
      }),
    );
  });

  test("while Drover is stopped grows to five minutes", () => {
    const since = (seconds: number) => new Date(now - seconds * 1000).toISOString();
    assert.equal(heldWaitSeconds(since(0), null, now), 30);
    assert.equal(heldWaitSeconds(since(1000), null, now), 100);
    assert.equal(heldWaitSeconds(since(86_400), null, now), 300);
    assert.equal(heldWaitSeconds(since(86_400), hookWith(3600, 30), now), 13);
    assert.equal(heldWaitSeconds(since(86_400), hookWith(100), now), 40);
    assert.equal(heldWaitSeconds(since(86_400), hookWith(-100), now), 300);
  });
});
