import { people } from "./people.ts";
import { repairs } from "./repairs.ts";
import type { Situations } from "./staging.ts";
import { troubles } from "./troubles.ts";
import { work } from "./work.ts";

export const situations = {
  ...work,
  ...troubles,
  ...people,
  ...repairs,
} as const satisfies Situations;

export type SituationName = keyof typeof situations;
