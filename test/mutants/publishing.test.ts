import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bundleInvariants } from "../../rehearsal/invariants/bundle-invariants.ts";
import type * as Publish from "../../rehearsal/scenarios/publish.ts";
import { rehearsePublish } from "../../rehearsal/scenarios/publish.ts";
import { appointAuthority } from "../../rehearsal/world/authorisation.ts";
import { versionWith } from "./apply-mutant.ts";
import { publishingMutants } from "./publishing.ts";

// The policies would stop some of the mutants: here the invariants have to catch them by themselves.
appointAuthority(undefined);

const broken = ({ invariants }: Publish.PublishReport): string[] =>
  invariants.filter(({ held }) => !held).map(({ name }) => name);

describe("a mutant of publishing is caught", () => {
  for (const { name, patches, caughtBy, schedule } of publishingMutants)
    test(`${name}: ${caughtBy}`, async () => {
      const version = versionWith(name, patches);
      const module = await version.load<typeof Publish>("rehearsal/scenarios/publish.ts");
      const options = { seed: 1, ...(schedule && { schedule }) };
      const fallen = broken(await module.rehearsePublish(options));
      version.assertApplied();
      assert.ok(
        fallen.includes(caughtBy),
        `${caughtBy} held; fallen: ${fallen.join(", ") || "none"}`,
      );
    });
});

test("publishing as it is gets through the same", async () => {
  for (const { schedule = [] } of publishingMutants) {
    const report = await rehearsePublish({ seed: 1, schedule });
    assert.deepEqual(broken(report), []);
    assert.deepEqual(
      report.faults?.map(({ fault }) => fault),
      schedule.map(({ fault }) => fault),
    );
  }
});

test("every invariant of publishing catches some mutant", () => {
  const catching = new Set(publishingMutants.map(({ caughtBy }) => caughtBy));
  assert.deepEqual([...catching].toSorted(), bundleInvariants.map(({ name }) => name).toSorted());
});
