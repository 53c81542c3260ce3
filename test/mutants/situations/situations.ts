import { people } from "./people.ts";
import type { Situations } from "./staging.ts";
import { troubles } from "./troubles.ts";
import { work } from "./work.ts";

export const situations = { ...work, ...troubles, ...people } as const satisfies Situations;

export type SituationName = keyof typeof situations;
