import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import {
  allFaults,
  catalogue,
  faultNames,
  findFault,
  readFaults,
  UnknownFaults,
} from "../../../rehearsal/faults/catalogue.ts";
import { drawSchedule } from "../../../rehearsal/faults/schedule.ts";

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const quarterOfAnHour = 15 * 60_000;

describe("a schedule", () => {
  test("is plain data, in the order of time, and the same for the same seed", () => {
    fc.assert(
      fc.property(seeds, fc.subarray([...faultNames], { minLength: 1 }), (seed, names) => {
        const schedule = drawSchedule(seed, names);
        assert.deepEqual(drawSchedule(seed, names), schedule);
        assert.deepEqual(JSON.parse(JSON.stringify(schedule)), schedule);
        assert.deepEqual(
          schedule.map(({ at }) => at),
          schedule.map(({ at }) => at).toSorted((one, other) => one - other),
        );
        for (const { fault } of schedule) assert.ok(names.includes(fault));
      }),
    );
  });

  test("has each of a few faults, and a few of many", () => {
    fc.assert(
      fc.property(
        seeds,
        fc.subarray([...faultNames], { minLength: 1, maxLength: 5 }),
        (seed, names) => {
          const drawn = new Set(drawSchedule(seed, names).map(({ fault }) => fault));
          assert.deepEqual([...drawn].toSorted(), names.toSorted());
        },
      ),
    );
    const met = new Map<string, number>();
    for (let seed = 0; seed < 1000; seed += 1) {
      const drawn = new Set(drawSchedule(seed, allFaults).map(({ fault }) => fault));
      assert.ok(drawn.size >= 1 && drawn.size <= 5);
      for (const fault of drawn) met.set(fault, (met.get(fault) ?? 0) + 1);
    }
    for (const name of allFaults) assert.ok((met.get(name) ?? 0) > 30, `${name} comes too seldom`);
  });

  test("passes: everything that lasts is over soon enough for a hook to live through it", () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(...faultNames), (seed, name) => {
        for (const { at, lasts, calls, share } of drawSchedule(seed, [name])) {
          assert.ok(at >= 0 && at <= quarterOfAnHour);
          if (lasts !== undefined) assert.ok(lasts > 0 && lasts <= 2 * quarterOfAnHour);
          if (calls !== undefined) assert.ok(calls.nth >= 1 && (calls.times ?? 1) <= 10);
          if (share !== undefined) assert.ok(share > 0 && share <= 1);
        }
      }),
      // A mind that is changed within a second.
      { examples: [[3740675617, "person-changes-mind"]] },
    );
  });

  test("differs from seed to seed", () => {
    const drawn = Array.from({ length: 100 }, (_, seed) =>
      JSON.stringify(drawSchedule(seed, allFaults)),
    );
    assert.equal(new Set(drawn).size, drawn.length);
  });
});

describe("the catalogue", () => {
  test("has a name of its own and a sentence for every fault", () => {
    assert.equal(new Set(faultNames).size, catalogue.length);
    for (const { name, what } of catalogue) {
      assert.match(name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
      assert.ok(what.length > 10, name);
      assert.equal(findFault(name).what, what);
    }
  });

  test("reads none, all, and names with commas", () => {
    assert.deepEqual(readFaults("none"), []);
    assert.deepEqual(readFaults("all"), allFaults);
    assert.deepEqual(readFaults("power-cut, lost-events"), ["lost-events", "power-cut"]);
  });

  test("refuses what it does not have, and says what it has", () => {
    for (const text of ["", "none,all", "power-cut,", "Power-Cut", "earthquake"])
      assert.throws(
        () => readFaults(text),
        (error) => error instanceof UnknownFaults && error.message.includes(faultNames.join(", ")),
        text,
      );
  });
});
