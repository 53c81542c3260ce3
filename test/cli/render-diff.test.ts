import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { renderDiff, type Side } from "../../cli/commands/render-diff.ts";
import { indexTar } from "../../infra/bundle/index-tar.ts";
import { type Content, makeTar } from "../infra/bundle/tars.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drover-render-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const side = async (name: string, entries: Readonly<Record<string, Content>>): Promise<Side> => {
  const file = join(folder, name);
  writeFileSync(file, makeTar(entries));
  return { name, file, entries: await indexTar(file) };
};
const render = async (
  before: Readonly<Record<string, Content>>,
  after: Readonly<Record<string, Content>>,
): Promise<string> => renderDiff(await side("current", before), await side("source", after));

const link = (target: string): Content => ({ kind: "link", target });
const lines = (word: string, count: number): string =>
  Array.from({ length: count }, (_, line) => `${word} ${line}\n`).join("");

describe("a difference for a person", () => {
  const told: readonly (readonly [string, Content, Content, string])[] = [
    ["a file that becomes a link", "text", link("b"), "~ a (file -> link to b)\n"],
    ["a link that becomes a file", link("b"), "text", "~ a (link to b -> file)\n"],
    ["a link with another target", link("b"), link("c"), "~ a (link to b -> link to c)\n"],
    [
      "a file that may be executed",
      "text",
      { content: "text", executable: true },
      "~ a (file -> executable file)\n",
    ],
    ["what is no text", "\0one", "\0three", "~ a (4 -> 6 bytes)\n"],
    [
      "what is of another encoding",
      { content: Buffer.from("caf\xe9", "latin1") },
      { content: Buffer.from("caf\xe8", "latin1") },
      "~ a (4 -> 4 bytes)\n",
    ],
    ["what is too long to be shown", "", "x".repeat(256 * 1024 + 1), "~ a (0 -> 262145 bytes)\n"],
    [
      "more lines than a person reads",
      lines("old", 2000),
      lines("new", 2000),
      "~ a (16890 -> 16890 bytes)\n\na: more than 1000 lines differ\n",
    ],
  ];
  for (const [name, before, after, text] of told)
    it(`tells ${name}`, async () => assert.equal(await render({ a: before }, { a: after }), text));

  it("shows the lines that differ, and those about them", async () => {
    assert.equal(
      await render({ a: "1\n2\n3\n" }, { a: "1\n2\n4\n" }),
      "~ a (6 -> 6 bytes)\n\n--- current/a\n+++ source/a\n@@ -1,3 +1,3 @@\n 1\n 2\n-3\n+4\n",
    );
  });

  it("shows all of a new file, however long", async () => {
    const text = await render({}, { a: lines("new", 2000) });
    assert.equal(text.split("\n+new ").length, 2001);
  });

  it("is nothing where nothing differs", async () => {
    assert.equal(await render({ a: "1" }, { a: "1" }), "");
  });
});
