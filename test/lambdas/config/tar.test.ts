import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { FormatError } from "../../../lambdas/config/lines.ts";
import {
  compareEntries,
  decodeHeader,
  encodeHeader,
  fitsHeader,
  nameOf,
  type TarEntry,
} from "../../../lambdas/config/tar.ts";

const part = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).filter(
  // eslint-disable-next-line no-control-regex
  (text) => !/[/\u0000]/.test(text) && text.isWellFormed() && text !== "." && text !== "..",
);
const path = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/"));
const entry: fc.Arbitrary<TarEntry> = fc
  .oneof(
    fc.record({ path, kind: fc.constant("folder" as const) }),
    fc.record({ path, kind: fc.constant("link" as const), target: path }),
    fc.record({
      path,
      kind: fc.constant("file" as const),
      executable: fc.boolean(),
      size: fc.nat({ max: 2 ** 33 - 1 }),
    }),
  )
  .filter(fitsHeader);

describe("a header of the tar", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(entry, (value) => {
        const header = encodeHeader(value);
        assert.equal(header.length, 512);
        assert.deepEqual({ ...decodeHeader(header) }, { ...value });
      }),
    );
  });

  it("is refused when any bit of it is another", () => {
    fc.assert(
      fc.property(entry, fc.nat({ max: 511 }), fc.nat({ max: 7 }), (value, at, bit) => {
        const header = encodeHeader(value);
        header[at] = (header[at] ?? 0) ^ (1 << bit);
        assert.throws(() => decodeHeader(header), FormatError);
      }),
    );
  });

  it("has room for 100 bytes, or 155 and 100 around a slash", () => {
    const file = (name: string): TarEntry => ({ path: name, kind: "file", size: 0 });
    assert.ok(fitsHeader(file("a".repeat(100))));
    assert.ok(!fitsHeader(file("a".repeat(101))));
    assert.ok(fitsHeader(file(`${"a".repeat(155)}/${"b".repeat(100)}`)));
    assert.ok(!fitsHeader(file(`${"a".repeat(156)}/${"b".repeat(100)}`)));
    assert.ok(!fitsHeader(file(`${"a".repeat(155)}/${"b".repeat(101)}`)));
    assert.ok(!fitsHeader({ path: "a".repeat(100), kind: "folder" }));
    assert.ok(!fitsHeader({ path: "a", kind: "link", target: "b".repeat(101) }));
  });

  it("is what GNU tar understands too", () => {
    const long = `${"a".repeat(120)}/${"é".repeat(40)}`;
    const entries: TarEntry[] = [
      { path: "files", kind: "folder" },
      { path: "files/run", kind: "file", executable: true, size: 0 },
      { path: long, kind: "file", size: 0 },
      { path: "link", kind: "link", target: "files/run" },
    ];
    const tar = Buffer.concat([...entries.map(encodeHeader), Buffer.alloc(1024)]);
    const listed = execFileSync("tar", ["-tv", "--quoting-style=literal", "--full-time", "--utc"], {
      input: tar,
      encoding: "utf8",
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
    });
    assert.deepEqual(
      listed
        .trimEnd()
        .split("\n")
        .map((line) => line.replaceAll(/ +/g, " ")),
      [
        "drwxr-xr-x 0/0 0 1970-01-01 00:00:00 files/",
        "-rwxr-xr-x 0/0 0 1970-01-01 00:00:00 files/run",
        `-rw-r--r-- 0/0 0 1970-01-01 00:00:00 ${long}`,
        "lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 link -> files/run",
      ],
    );
  });

  it("comes in the order of the bytes, a folder before what is in it", () => {
    const entries: TarEntry[] = [
      { path: "a", kind: "folder" },
      { path: "a-b", kind: "file" },
      { path: "a/b", kind: "file" },
      { path: "\u{1f600}", kind: "file" },
      { path: "\uffe0", kind: "file" },
    ];
    assert.deepEqual(entries.toSorted(compareEntries).map(nameOf), [
      "a-b",
      "a/",
      "a/b",
      "\uffe0",
      "\u{1f600}",
    ]);
  });
});
