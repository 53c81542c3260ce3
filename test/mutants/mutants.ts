import type { Patch } from "./apply-mutant.ts";
import { mutantsOfClients } from "./mutants/clients.ts";
import { mutantsOfRepairs } from "./mutants/repairs.ts";
import { mutantsOfRules } from "./mutants/rules.ts";
import { mutantsOfTasks } from "./mutants/tasks.ts";
import type { SituationName } from "./situations/situations.ts";

/** One way in which Drover could be wrong, and the invariant that stands for it. */
export interface Mutant {
  readonly name: string;
  /** What happens, or happened, to somebody who has it so. */
  readonly lesson: string;
  readonly patches: readonly Patch[];
  /** Name of the invariant that has to fall. */
  readonly caughtBy: string;
  readonly situation: SituationName;
  /** Tried in turn until it is caught. @default [1] */
  readonly seeds?: readonly number[];
}

export const mutants: readonly Mutant[] = [
  ...mutantsOfRules,
  ...mutantsOfTasks,
  ...mutantsOfClients,
  ...mutantsOfRepairs,
];
