import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { needsLoader } from "../../../rehearsal/agents/elf.ts";

/** A header of a program with one program header of a kind. */
const composeElf = (kind: number): Uint8Array => {
  const file = new Uint8Array(64 + 56);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const view = new DataView(file.buffer);
  view.setBigUint64(0x20, 64n, true);
  view.setUint16(0x36, 56, true);
  view.setUint16(0x38, 1, true);
  view.setUint32(64, kind, true);
  return file;
};

describe("needsLoader", () => {
  it("finds the name of a loader among the program headers", () => {
    assert.equal(needsLoader(composeElf(3)), true);
    assert.equal(needsLoader(composeElf(1)), false);
  });

  it(
    "knows the file that runs this test as one that needs a loader",
    {
      skip: process.platform !== "linux" && "programs of Linux alone are ELF files",
    },
    () => {
      assert.equal(needsLoader(readFileSync(process.execPath)), true);
    },
  );

  it("refuses what is no such file", () => {
    const big = composeElf(3);
    big[5] = 2;
    for (const file of [new Uint8Array(), Buffer.from("#!/bin/sh\n".repeat(9)), big]) {
      assert.throws(() => needsLoader(file), RangeError);
    }
  });
});
