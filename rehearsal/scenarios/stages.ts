import { startLiveCluster } from "../agents/cluster.ts";
import type { MaxParallel } from "../emulators/nomad/drain-jobs.ts";
import { createEmulatedPark } from "../world/emulated-park.ts";
import { createLivePark, endpointsOf } from "../world/live-park.ts";
import { emulatedEndpoints } from "../world/template.ts";
import type { Stage } from "./scale-in.ts";

export interface EmulatedStageOptions {
  /** Of Nomad's servers and clients. @default as the emulator does */
  readonly nomadVersion?: string;
  /** How far `max_parallel` holds when several nodes drain. @default as the version does */
  readonly maxParallel?: MaxParallel;
}

/** Emulated machines in virtual time. */
export const stageWith = (options: EmulatedStageOptions): Stage => ({
  isVirtual: true,
  endpoints: emulatedEndpoints,
  raise: async ({ clock }, seed, capacity) =>
    createEmulatedPark(emulatedEndpoints, { clock, seed, capacity, ...options }),
  batchSeconds: [10, 120],
  drainDeadlineSeconds: 600,
  patienceSeconds: 48 * 3600,
});

/**
 * A Nomad that takes services down when two nodes drain at once (nomad#25979),
 * and does so always, not now and then: a rehearsal has to see it.
 */
export const emulatedStage = stageWith({ nomadVersion: "1.6.1", maxParallel: "ignored" });

/** A Nomad with the fix, #26175: several nodes may drain at once. */
export const fixedStage = stageWith({ nomadVersion: "1.10.5" });

/** Real agents in real time. The cluster starts here, since nobody knows its addresses before. */
export const liveStage = async (report?: (line: string) => void): Promise<Stage> => {
  const cluster = await startLiveCluster(report && { report });
  return {
    isVirtual: false,
    endpoints: endpointsOf(cluster),
    raise: async () => createLivePark(cluster),
    batchSeconds: [5, 20],
    drainDeadlineSeconds: 120,
    patienceSeconds: 900,
    // EC2 takes its time; waiting for it shows nothing new.
    delays: { launch: [0, 500], shutDown: [500, 2_000], forget: [500, 2_000] },
  };
};

export const stageFor = async (
  { live }: { readonly live: boolean },
  report?: (line: string) => void,
): Promise<Stage> => (live ? liveStage(report) : emulatedStage);
