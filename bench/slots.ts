import type { Benchmark } from "./benchmark.ts";
import { rehearse } from "./retirements.ts";

const leaving = 100;
const slotCount = 2;

/** A hundred instances end at once, and two may drain at a time: all have their turn. */
export const slots: Benchmark = {
  name: "slots",
  run: async (report) => {
    report(`${leaving} instances end at once`);
    const { report: found } = await rehearse({
      nodes: leaving + 20,
      terminate: leaving,
      jobs: 100,
      slots: slotCount,
    });
    const { retired } = found;
    const waits = retired.map(({ seconds }) => seconds.toDrain ?? 0);
    const all = Math.max(
      ...retired.map(({ seconds }) => (seconds.toDrain ?? 0) + (seconds.drain ?? 0)),
    );
    const draining = retired.reduce((sum, { seconds }) => sum + (seconds.drain ?? 0), 0);
    return [
      {
        what: "hooks that Drover did not decide",
        value: retired.filter(({ hook }) => hook !== "CONTINUE").length + leaving - retired.length,
        unit: "hooks",
        aim: 0,
      },
      {
        what: "drains that were forced",
        value: retired.filter(({ drain }) => drain !== "clean").length,
        unit: "drains",
        aim: 0,
      },
      {
        what: "longest wait for a slot",
        value: Math.max(...waits),
        unit: "s",
        against: { what: "until the last drain was over", value: all },
        // A hook's 48 hours, less the deadline of a drain and what follows it.
        aim: 46 * 3600,
      },
      {
        what: "between two drains of a slot",
        value: (slotCount * all - draining) / leaving,
        unit: "s",
        against: { what: "a drain", value: draining / leaving },
      },
    ];
  },
};
