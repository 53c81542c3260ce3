import type { Evidence, Invariant, Verdict } from "./evidence.ts";
import { everyHookDecided } from "./every-hook-decided.ts";
import { noLiveWorkLost } from "./no-live-work-lost.ts";
import { nobodyRemembered } from "./nobody-remembered.ts";
import { nothingForeignTouched } from "./nothing-foreign-touched.ts";
import { nothingLeftTaken } from "./nothing-left-taken.ts";
import { serversUntouched } from "./servers-untouched.ts";

/** What has to be so after every rehearsal, whatever happened in it. */
export const invariants: readonly Invariant[] = [
  noLiveWorkLost,
  everyHookDecided,
  nobodyRemembered,
  nothingLeftTaken,
  nothingForeignTouched,
  serversUntouched,
];

export const judge = (evidence: Evidence): Verdict[] =>
  invariants.map(({ name, judge: find }) => {
    const violations = find(evidence);
    return { name, held: violations.length === 0, violations };
  });
