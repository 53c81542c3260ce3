import type { Benchmark } from "./benchmark.ts";
import { rehearse } from "./retirements.ts";

const small = { nodes: 500, terminate: 50, jobs: 20 } as const;
const large = { nodes: 5000, terminate: 500, jobs: 20 } as const;

/** How long a rehearsal of a big scale-in takes on this machine. */
export const scale: Benchmark = {
  name: "scale",
  run: async (report) => {
    // What is compiled and synthesized only once is in neither.
    await rehearse({ nodes: 12, terminate: 4, jobs: 20 });
    report(`${small.nodes} nodes`);
    const { report: before } = await rehearse(small);
    report(`${large.nodes} nodes`);
    const { report: after } = await rehearse(large);
    return [
      {
        what: `drover rehearse scale-in --nodes ${large.nodes} --terminate ${large.terminate}`,
        value: after.wallSeconds,
        unit: "s",
        against: { what: "ten times a tenth of it", value: before.wallSeconds * 10 },
        aim: 60,
      },
    ];
  },
};
