import type { Patch } from "./apply-mutant.ts";
import type { SituationName } from "./situations/situations.ts";

/** One way in which Drover could be wrong, and the invariant that stands for it. */
export interface Mutant extends Patch {
  readonly name: string;
  /** What happened to somebody who had it so. */
  readonly lesson: string;
  /** Name of the invariant that has to fall. */
  readonly caughtBy: string;
  readonly situation: SituationName;
  /** @default [1] */
  readonly seeds?: readonly number[];
}

export const mutants: readonly Mutant[] = [
  {
    name: "the ownership is never ended",
    lesson: "a failed drain left tags that blocked every rerun",
    file: "lambdas/retire/record-retirement.ts",
    find: 'await records.end(retirement.instanceId, execution, "retired");',
    replace: "",
    caughtBy: "nothing-left-taken",
    situation: "an ordinary scale-in",
  },
  {
    name: "the node is not purged",
    lesson: "crash between drain and terminate leaves ineligible nodes; scaling blocked",
    file: "lambdas/retire/forget-node.ts",
    find: 'return (await nomad.purge(nodeId)) === "done" ? "purged" : "unknown";',
    replace: 'return "left to garbage collection";',
    caughtBy: "nobody-remembered",
    situation: "an ordinary scale-in",
  },
  {
    name: "a drain is over as soon as it has begun",
    lesson: "hook completed while tasks were still stopping",
    file: "lambdas/retire/rules/judge-drain.ts",
    find: "const live = view.live.filter((allocation) => concerns(drain.pass, allocation));",
    replace: 'return { status: "drained", outcome: "clean", explanation: "", blockers: [] };',
    caughtBy: "no-live-work-lost",
    situation: "an ordinary scale-in",
  },
];
