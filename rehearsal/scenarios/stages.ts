import { createEmulatedPark } from "../world/emulated-park.ts";
import { emulatedEndpoints } from "../world/template.ts";
import type { Stage } from "./scale-in.ts";

/** Emulated machines in virtual time. */
export const emulatedStage: Stage = {
  isVirtual: true,
  endpoints: emulatedEndpoints,
  raise: async ({ clock }, seed, capacity) =>
    createEmulatedPark(emulatedEndpoints, { clock, seed, capacity }),
  batchSeconds: [10, 120],
  drainDeadlineSeconds: 600,
  patienceSeconds: 48 * 3600,
};

export const stageFor = ({ live }: { readonly live: boolean }): Stage => {
  if (live) throw new Error("real agents are not on stage yet");
  return emulatedStage;
};
