import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  FilterSyntaxError,
  parseFilter,
} from "../../../../rehearsal/emulators/hashicorp/filter.ts";
import {
  FilterEvaluationError,
  matchesFilter,
} from "../../../../rehearsal/emulators/hashicorp/filter-evaluate.ts";

const subject = { maps: new Set(["Attributes", "Drivers"]), opaque: new Set(["Embedded"]) };
const row = {
  Name: "web-1",
  Count: 3,
  Ready: true,
  Tags: ["a", "b"],
  Attributes: { "unique.platform.aws.instance-id": "i-1", empty: "" },
  Drivers: { raw_exec: { Healthy: true } },
  Last: null,
  Embedded: { Inner: 1 },
};
const matches = (filter: string) => matchesFilter(subject, parseFilter(filter), row);

describe("filters of the HashiCorp APIs", () => {
  for (const [filter, expected] of [
    ['Name == "web-1"', true],
    ["Name == `web-1`", true],
    ['Name != "web-1"', false],
    ["Count == 3", true],
    ["Ready == true", true],
    ['Ready == "t"', true],
    ['Attributes["unique.platform.aws.instance-id"] == "i-1"', true],
    ['Attributes["unique.platform.aws.instance-id"]=="i-2"', false],
    ["Attributes.empty is empty", true],
    ['Attributes["none"] == ""', false],
    ['Attributes["none"] != ""', true],
    ['Attributes["none"] is empty', true],
    ['Attributes["none"] matches "."', false],
    ['Attributes["none"] not contains "x"', true],
    ['"a" in Tags', true],
    ['"c" not in Tags', true],
    ['Tags contains "b"', true],
    ['"raw_exec" in Drivers', true],
    ["Drivers.raw_exec.Healthy == true", true],
    ['Name matches "^web-[0-9]$"', true],
    ['Name not matches "^db"', true],
    ["Tags is not empty", true],
    ['Name == "x" or Name == "y" or Name == "web-1"', true],
    ['Name == "web-1" and (Count == 1 or Count == 3)', true],
    ['Name == "web-1" and not Count == 3', false],
    ['not (Name == "x" or Count == 1)', true],
    // `and` binds more closely than `or`.
    ['Name == "web-1" or Name == "x" and Count == 1', true],
  ] as const) {
    it(`${filter} is ${expected}`, () => assert.equal(matches(filter), expected));
  }

  it("stops at the first comparison that decides", () => {
    assert.equal(matches('Name == "x" and Nonsense == 1'), false);
    assert.equal(matches('Name == "web-1" or Nonsense == 1'), true);
  });

  for (const filter of [
    'Nonsense == "x"',
    'Name.Inner == "x"',
    'Last.Status == "x"',
    "Embedded.Inner == 1",
    'Drivers["none"].Healthy == true',
    "Ready == maybe",
    'Tags == "a"',
  ]) {
    it(`cannot evaluate ${filter}`, () =>
      assert.throws(() => matches(filter), FilterEvaluationError));
  }

  for (const filter of [
    "Name ==",
    '== "x"',
    'Name = "x"',
    'Name == "x" and',
    '(Name == "x"',
    'Name == "x")',
    'Name in ["a"]',
    'Attributes[x] == "y"',
    '"a" contains Tags',
    "Name is nothing",
    "Name ~ x",
  ]) {
    it(`cannot read ${filter}`, () => assert.throws(() => parseFilter(filter), FilterSyntaxError));
  }
});
