import type { Evidence, Excuse, Invariant, Verdict } from "./evidence.ts";
import { deadlinesKept } from "./deadlines-kept.ts";
import { everyHookDecided } from "./every-hook-decided.ts";
import { fewForgottenAtOnce } from "./few-forgotten-at-once.ts";
import { noJobStarved } from "./no-job-starved.ts";
import { noLiveWorkLost } from "./no-live-work-lost.ts";
import { nobodyRemembered } from "./nobody-remembered.ts";
import { nothingForeignTouched } from "./nothing-foreign-touched.ts";
import { nothingForgottenAlive } from "./nothing-forgotten-alive.ts";
import { nothingLeftTaken } from "./nothing-left-taken.ts";
import { oneOwner } from "./one-owner.ts";
import { personRespected } from "./person-respected.ts";
import { serversUntouched } from "./servers-untouched.ts";
import { slotsKept } from "./slots-kept.ts";
import { systemJobsLast } from "./system-jobs-last.ts";

/** What has to be so after every rehearsal, whatever happened in it. */
export const invariants: readonly Invariant[] = [
  noLiveWorkLost,
  everyHookDecided,
  nobodyRemembered,
  nothingLeftTaken,
  nothingForeignTouched,
  serversUntouched,
  noJobStarved,
  slotsKept,
  personRespected,
  deadlinesKept,
  oneOwner,
  systemJobsLast,
  nothingForgottenAlive,
  fewForgottenAtOnce,
];

/** An excuse is for one invariant and one instance: whatever is said of another one counts. */
const excuseFor = (
  { excuses }: Evidence,
  invariant: string,
  violation: string,
): Excuse | undefined =>
  excuses.find((excuse) => excuse.invariant === invariant && violation.includes(excuse.instanceId));

export const judge = (evidence: Evidence): Verdict[] =>
  invariants.map(({ name, judge: find, report }) => {
    const violations: string[] = [];
    const reported = report?.(evidence) ?? [];
    for (const violation of find(evidence)) {
      const excuse = excuseFor(evidence, name, violation);
      if (excuse === undefined) violations.push(violation);
      else reported.push(`${violation} (excused: ${excuse.why})`);
    }
    return {
      name,
      held: violations.length === 0,
      violations,
      ...(reported.length > 0 && { reported }),
    };
  });
