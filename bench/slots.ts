import type { Benchmark } from "./benchmark.ts";
import { rehearse } from "./retirements.ts";

const leaving = 100;
const slotCount = 2;
const hookHours = 48;
const drainSeconds = 900;

/**
 * A hundred instances end at once, and two may drain at a time, each for all of
 * its deadline, since a job on every node would run for days: all have their
 * turn, before their hooks of 48 hours run out.
 */
export const slots: Benchmark = {
  name: "slots",
  run: async (report) => {
    report(`${leaving} instances end at once`);
    const { report: found, world } = await rehearse(
      { nodes: leaving + 20, terminate: leaving, jobs: 20, slots: slotCount },
      {
        heartbeatSeconds: 7200,
        drainDeadlineSeconds: drainSeconds,
        batchSeconds: [100 * 3600, 100 * 3600],
      },
    );
    const { retired } = found;
    const ids = new Set(retired.map(({ instanceId }) => instanceId));
    const lives = world.autoScaling
      .instances()
      .flatMap(({ id, actions }) => (ids.has(id) ? actions : []))
      .filter(({ hook }) => hook.name.startsWith("drover-"))
      .map(({ startedAt, limitAt }) => (limitAt - startedAt) / 3_600_000);
    if (lives.length !== leaving || lives.some((hours) => hours !== hookHours))
      throw new Error(`the hooks live for ${[...new Set(lives)].join(", ")} hours`);
    const waits = retired.map(({ seconds }) => seconds.toDrain ?? 0);
    const all = Math.max(
      ...retired.map(({ seconds }) => (seconds.toDrain ?? 0) + (seconds.drain ?? 0)),
    );
    const draining = retired.reduce((sum, { seconds }) => sum + (seconds.drain ?? 0), 0);
    const drains = world.park.chronicle?.drains ?? [];
    const together = drains.map(
      ({ startedAt: at }) =>
        drains.filter(({ startedAt, endedAt = Infinity }) => startedAt <= at && at < endedAt)
          .length,
    );
    return [
      {
        what: `hooks of ${hookHours} hours that Drover did not decide`,
        value: retired.filter(({ hook }) => hook !== "CONTINUE").length + leaving - retired.length,
        unit: "hooks",
        aim: 0,
      },
      {
        what: "drains that were cut short",
        value: retired.filter(({ seconds }) => (seconds.drain ?? 0) < drainSeconds).length,
        unit: "drains",
        aim: 0,
      },
      { what: "most drains at once", value: Math.max(...together), unit: "drains", aim: slotCount },
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
