import assert from "node:assert/strict";
import { test } from "node:test";
import { drawPublishSchedule, publishFaultNames } from "../../../rehearsal/publishing/faults.ts";
import { rehearsePublish } from "../../../rehearsal/scenarios/publish.ts";
import { appointAuthority } from "../../../rehearsal/world/authorisation.ts";

// What the policies allow is asked in the test of the scenario: here it would take most of the time.
appointAuthority(undefined);

const seeds = 40;

test(`every invariant of publishing holds with the faults of ${seeds} seeds`, async () => {
  const struck = new Set<string>();
  const broken: string[] = [];
  for (let seed = 1; seed <= seeds; seed += 1) {
    const schedule = drawPublishSchedule(seed, publishFaultNames);
    const { faults = [], invariants } = await rehearsePublish({ seed, schedule });
    for (const { fault } of faults) struck.add(fault);
    for (const { name, violations } of invariants)
      for (const violation of violations) broken.push(`seed ${seed}: ${name}: ${violation}`);
  }
  assert.deepEqual(broken, []);
  assert.deepEqual([...struck].toSorted(), publishFaultNames.toSorted());
});
