import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { indexTar, readContent } from "../../../infra/bundle/index-tar.ts";
import { FormatError } from "../../../lambdas/config/lines.ts";
import { beginTar, endOfTar, makeTar } from "./tars.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drover-index-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = () => join(folder, "bundle.tar");
const index = (tar: Buffer) => {
  writeFileSync(file(), tar);
  return indexTar(file());
};
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const large = "x".repeat(700_000);

describe("looking through a tar", () => {
  it("finds what is in it, by its names in the tar", async () => {
    const entries = await index(
      makeTar({
        files: { kind: "folder" },
        "files/empty": "",
        "files/large": large,
        "files/link": { kind: "link", target: "large" },
        "files/tool": { content: "#!/bin/sh\n", executable: true },
        plan: "drover-plan 1\n",
      }),
    );
    assert.deepEqual(
      [...entries].map(([name, { kind, sha256: digest, target, executable }]) => [
        name,
        kind,
        digest,
        target ?? executable,
      ]),
      [
        ["files/", "folder", "", undefined],
        ["files/empty", "file", sha256(""), false],
        ["files/large", "file", sha256(large), false],
        ["files/link", "link", "", "large"],
        ["files/tool", "file", sha256("#!/bin/sh\n"), true],
        ["plan", "file", sha256("drover-plan 1\n"), false],
      ],
    );
    for (const [name, text] of [
      ["files/empty", ""],
      ["files/large", large],
      ["plan", "drover-plan 1\n"],
    ] as const) {
      const entry = entries.get(name);
      assert.ok(entry);
      assert.equal((await readContent(file(), entry)).toString(), text);
    }
  });

  const one = beginTar(["a", "one"]);
  const lying = Buffer.from(beginTar(["a", { content: "", size: 8_000_000_000 }]));
  const flipped = Buffer.from(one);
  flipped[100] = (flipped[100] ?? 0) ^ 1;
  const refused: readonly (readonly [string, Buffer, RegExp])[] = [
    ["nothing", Buffer.alloc(0), /without its two blocks of zeros/],
    ["no tar", Buffer.alloc(1024, "x"), /header that no publisher writes/],
    ["one bit of a header", Buffer.concat([flipped, endOfTar]), /header that no publisher writes/],
    ["an end that is missing", one, /without its two blocks of zeros/],
    ["half an end", Buffer.concat([one, Buffer.alloc(512)]), /without its two blocks of zeros/],
    ["half a header", one.subarray(0, 300), /without its two blocks of zeros/],
    ["a file that is cut", one.subarray(0, 514), /ends in the middle of a file/],
    ["a size beyond the end", Buffer.concat([lying, endOfTar]), /ends in the middle of a file/],
    ["a second end", Buffer.concat([one, endOfTar, endOfTar]), /goes on after its two blocks/],
    ["more after the end", Buffer.concat([one, endOfTar, one]), /goes on after its two blocks/],
    [
      "an end in the middle",
      Buffer.concat([one, Buffer.alloc(512), one]),
      /goes on after its two blocks|without its two blocks/,
    ],
    ["a path twice", Buffer.concat([one, one, endOfTar]), /a is not in its place/],
    ["another order", Buffer.concat([beginTar(["b", ""], ["a", ""]), endOfTar]), /a is not in its/],
  ];
  for (const [name, tar, said] of refused)
    it(`refuses ${name}`, () =>
      assert.rejects(
        index(tar),
        (error) => error instanceof FormatError && said.test(error.message),
      ));

  it("does not read what the tar no longer has", async () => {
    const entries = await index(makeTar({ a: "one" }));
    const entry = entries.get("a");
    assert.ok(entry);
    writeFileSync(file(), "");
    await assert.rejects(readContent(file(), entry), /ends in the middle of a file/);
  });
});
