import assert from "node:assert/strict";
import { test } from "node:test";
import { drainsNodesTogether } from "../../../../lambdas/retire/rules/nomad-version.ts";

for (const [build, expected] of [
  ["1.6.1", false],
  ["1.9.9", false],
  ["1.10.2", false],
  ["1.10.3", true],
  ["1.10.3+ent", true],
  ["1.10.10", true],
  ["1.11.0-beta.1", true],
  ["v1.12.0", true],
  ["2.0.0", true],
  ["0.12.5", false],
  // Whoever says nothing is not trusted with two nodes.
  ["", false],
  ["unknown", false],
] as const) {
  test(`Nomad ${build || "without a version"} ${expected ? "drains" : "does not drain"} nodes together`, () => {
    assert.equal(drainsNodesTogether(build), expected);
  });
}
