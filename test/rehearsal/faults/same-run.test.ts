import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { digest, transcribe } from "./transcript.ts";

const seeds = [3, 11, 19, 27, 35, 43];

test("a seed gives the same run, event for event, whatever ran before it", async () => {
  for (const seed of seeds) {
    const one = await transcribe(seed);
    await transcribe(seed + 1);
    assert.deepEqual(await transcribe(seed), one, `seed ${seed}`);
  }
});

test("a seed gives the same run in every process, and another one another run", async () => {
  const file = join(import.meta.dirname, "transcript.ts");
  // The seeds in another order, so that none finds what it found before.
  const { stdout } = await promisify(execFile)(process.execPath, [
    file,
    ...seeds.toReversed().map(String),
  ]);
  const elsewhere = new Map(
    stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" ") as [string, string]),
  );
  for (const seed of seeds)
    assert.equal(elsewhere.get(String(seed)), digest(await transcribe(seed)), `seed ${seed}`);
  assert.equal(new Set(elsewhere.values()).size, seeds.length);
});
