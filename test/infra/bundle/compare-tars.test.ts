import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IndexedEntry } from "../../../infra/bundle/index-tar.ts";
import { compareTars } from "../../../infra/bundle/rules/compare-tars.ts";

const digest = (name: string): string => name.repeat(64).slice(0, 64);
const file = (content: string, facts: Partial<IndexedEntry> = {}): IndexedEntry => ({
  path: "-",
  kind: "file",
  executable: false,
  size: 1,
  sha256: digest(content),
  offset: 512,
  ...facts,
});
const link = (target: string): IndexedEntry => ({
  path: "-",
  kind: "link",
  target,
  sha256: "",
  offset: 512,
});
const compare = (
  before: Readonly<Record<string, IndexedEntry>>,
  after: Readonly<Record<string, IndexedEntry>>,
) => compareTars(new Map(Object.entries(before)), new Map(Object.entries(after)));

describe("two bundles", () => {
  it("are the same wherever their files lie in the tars", () => {
    const nothing = { added: [], removed: [], changed: [] };
    assert.deepEqual(compare({ a: file("1") }, { a: file("1", { offset: 4096 }) }), nothing);
    assert.deepEqual(compare({}, {}), nothing);
    // A header that says nothing of it, and one that denies it.
    const { executable: _, ...silent } = file("1");
    assert.deepEqual(compare({ a: file("1") }, { a: silent }), nothing);
  });

  it("differ by what one of them alone has, in the order of the tar", () => {
    assert.deepEqual(
      compare({ a: file("1"), c: file("1"), d: file("1") }, { b: file("1"), c: file("1") }),
      { added: ["b"], removed: ["a", "d"], changed: [] },
    );
  });

  const changes: readonly (readonly [string, IndexedEntry, IndexedEntry])[] = [
    ["content", file("1"), file("2")],
    ["the right to be executed", file("1"), file("1", { executable: true })],
    ["target", link("a"), link("b")],
    ["kind", file("1"), link("a")],
  ];
  for (const [name, before, after] of changes)
    it(`differ by the ${name} of an entry`, () =>
      assert.deepEqual(compare({ a: before }, { a: after }).changed, ["a"]));
});
