import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as fc from "fast-check";

import { createAgenda } from "../../rehearsal/agenda.ts";
import { createManualClock } from "./emulators/manual-clock.ts";

describe("an agenda", () => {
  it("does everything at its time, in the order of time and then of entry", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()), { maxLength: 60 }),
        async (entries) => {
          const clock = createManualClock(0);
          const agenda = createAgenda(clock);
          const done: { time: number; index: number }[] = [];
          const takeBack = entries.map(([time], index) =>
            agenda.at(time, () => void done.push({ time: clock.now(), index })),
          );
          for (const [index, [, isWanted]] of entries.entries()) if (!isWanted) takeBack[index]?.();
          await clock.pass(30);
          const expected = entries
            .map(([time, isWanted], index) => ({ time, index, isWanted }))
            .filter(({ isWanted }) => isWanted)
            .map(({ time, index }) => ({ time, index }))
            .sort((a, b) => a.time - b.time || a.index - b.index);
          assert.deepEqual(done, expected);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("takes entries while it works, and times that have passed", async () => {
    const clock = createManualClock(1000);
    const agenda = createAgenda(clock);
    const done: string[] = [];
    agenda.after(10, () => {
      done.push("first");
      agenda.at(0, () => void done.push(`past at ${clock.now()}`));
      agenda.after(5, () => void done.push(`later at ${clock.now()}`));
    });
    await clock.pass(100);
    assert.deepEqual(done, ["first", "past at 1010", "later at 1015"]);
  });

  it("does nothing before its time, also where the time has a fraction or is far away", async () => {
    const clock = createManualClock(0);
    const agenda = createAgenda(clock);
    const done: number[] = [];
    const days = 86_400_000;
    agenda.at(10.4, () => void done.push(clock.now()));
    agenda.at(60 * days, () => void done.push(clock.now()));
    await clock.pass(61 * days);
    assert.deepEqual(done, [11, 60 * days]);
  });

  it("forgets everything when it is closed", async () => {
    const clock = createManualClock(0);
    const agenda = createAgenda(clock);
    agenda.after(5, () => assert.fail("it was closed"));
    agenda.close();
    await clock.pass(10);
  });

  it("goes on after an action that fails", async () => {
    const clock = createManualClock(0);
    const errors: unknown[] = [];
    const agenda = createAgenda(clock, (error) => void errors.push(error));
    const done: string[] = [];
    agenda.after(1, () => {
      throw new Error("failed");
    });
    agenda.after(1, () => void done.push("second"));
    await clock.pass(2);
    assert.deepEqual(done, ["second"]);
    assert.match(String(errors[0]), /failed/);
  });
});
