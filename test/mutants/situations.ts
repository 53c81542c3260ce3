import type { ScaleInOptions } from "../../rehearsal/scenarios/scale-in.ts";

/** What happens in a rehearsal in which something wrong would show. */
export type Situation = Omit<ScaleInOptions, "seed" | "handlers" | "progress">;

const few = { nodes: 4, terminate: 2, jobs: 8 };

export const situations = {
  "an ordinary scale-in": few,
} as const satisfies Readonly<Record<string, Situation>>;

export type SituationName = keyof typeof situations;
