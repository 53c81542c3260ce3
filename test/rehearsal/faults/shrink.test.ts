import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Occurrence, Schedule } from "../../../rehearsal/faults/fault.ts";
import { shrinkSchedule } from "../../../rehearsal/faults/shrink.ts";

const others = (count: number): Occurrence[] =>
  Array.from({ length: count }, (_, index) => ({ fault: `other-${index}`, at: index * 1000 }));

const has = (schedule: Schedule, ...names: string[]): boolean =>
  names.every((name) => schedule.some(({ fault }) => fault === name));

describe("the shortest schedule that still fails", () => {
  test("has nothing that does not matter", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 0, max: 11 }), { minLength: 0, maxLength: 3 }),
        async (culprits) => {
          const names = culprits.map((index) => `other-${index}`);
          const shortest = await shrinkSchedule(others(12), async (each) => has(each, ...names));
          assert.deepEqual(
            shortest.map(({ fault }) => fault),
            names.toSorted((one, other) => Number(one.slice(6)) - Number(other.slice(6))),
          );
        },
      ),
    );
  });

  test("lasts no longer than it has to, and strikes no more calls", async () => {
    const schedule: Schedule = [
      { fault: "long", at: 0, lasts: 600_000, share: 0.5 },
      { fault: "many", at: 0, calls: { of: "GetItem", nth: 2, times: 8 } },
    ];
    const shortest = await shrinkSchedule(
      schedule,
      async (each) => has(each, "long", "many") && (each[0]?.lasts ?? 0) >= 60_000,
    );
    const [long, many] = shortest;
    assert.ok(long?.lasts !== undefined && long.lasts >= 60_000 && long.lasts <= 80_000);
    assert.equal(long.share, 1);
    assert.deepEqual(many, { fault: "many", at: 0, calls: { of: "GetItem", nth: 2, times: 1 } });
  });

  test("is found in so many runs, or is what was found until then", async () => {
    let runs = 0;
    const shortest = await shrinkSchedule(
      others(64),
      async (each) => {
        runs += 1;
        return has(each, "other-5", "other-40");
      },
      7,
    );
    assert.equal(runs, 7);
    assert.ok(has(shortest, "other-5", "other-40") && shortest.length < 64);
  });

  test("is empty where it fails without any fault", async () => {
    assert.deepEqual(await shrinkSchedule(others(5), async () => true), []);
  });
});
