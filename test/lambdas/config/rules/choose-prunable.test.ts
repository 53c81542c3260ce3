import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import type { Channel } from "../../../../lambdas/config/channel.ts";
import { choosePrunable } from "../../../../lambdas/config/rules/choose-prunable.ts";
import { timeText } from "../../../../lambdas/config/rules/move-channel.ts";

const day = 24 * 60 * 60_000;
const now = Date.UTC(2026, 10, 25);
const digest = (index: number): string => index.toString(16).padStart(64, "0");

const channel = (given: Partial<Channel> = {}): Channel => ({
  pool: "workers",
  serial: 9,
  issued: timeText(now),
  history: [],
  ...given,
});
/** Bundles, one for each age in days. */
const aged = (...days: readonly number[]) =>
  days.map((age, index) => ({ sha256: digest(index), bytes: 1, stored: now - age * day }));
const prunable = (
  given: Partial<Channel>,
  stored: ReturnType<typeof aged>,
  inUse: readonly string[] = [],
  keep = { count: 2, days: 30 },
) => choosePrunable(channel(given), stored, new Set(inUse), keep, now).map(({ sha256 }) => sha256);

describe("old bundles", () => {
  it("are removed when they are beyond the count and beyond the age", () => {
    assert.deepEqual(prunable({}, aged(1, 40, 50, 60)), [digest(3), digest(2)]);
  });
  it("stay while they are young, however many there are", () => {
    assert.deepEqual(prunable({}, aged(1, 2, 3, 4, 29)), []);
  });
  it("stay while they are few, however old they are", () => {
    assert.deepEqual(prunable({}, aged(400, 500)), []);
  });
  it("stay for so many days from their last move", () => {
    const step = { serial: 9, move: "rolled-back", sha256: digest(2), who: "ada" } as const;
    const history = [{ ...step, time: timeText(now - 29 * day) }];
    assert.deepEqual(prunable({ history }, aged(40, 50, 60, 70)), [digest(3)]);
  });

  it("are never current, candidate, the one before, or what a machine runs", () => {
    const index = fc.integer({ min: 0, max: 11 });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 12 }),
        fc.record({ current: index, candidate: index, previous: index }, { requiredKeys: [] }),
        fc.array(index),
        fc.record({
          count: fc.integer({ min: 1, max: 5 }),
          days: fc.integer({ min: 1, max: 100 }),
        }),
        (ages, places, used, keep) => {
          const pointers = Object.fromEntries(
            Object.entries(places).map(([place, at]) => [place, digest(at)]),
          );
          const stored = aged(...ages);
          const removed = prunable(pointers, stored, used.map(digest), keep);
          const needed = new Set([...Object.values(pointers), ...used.map(digest)]);
          for (const sha256 of removed) assert.equal(needed.has(sha256), false);
          assert.ok(stored.length - removed.length >= Math.min(keep.count, stored.length));
          for (const { sha256, stored: at } of stored)
            if (removed.includes(sha256)) assert.ok(at < now - keep.days * day);
          // All that is left is left for a reason.
          const left = stored.filter(({ sha256 }) => !removed.includes(sha256));
          const old = left.filter(
            ({ sha256, stored: at }) => at < now - keep.days * day && !needed.has(sha256),
          );
          assert.ok(old.length <= keep.count);
        },
      ),
    );
  });
});
