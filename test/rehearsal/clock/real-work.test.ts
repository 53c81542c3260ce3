import assert from "node:assert/strict";
import {
  generateKeyPairSync,
  pbkdf2,
  pbkdf2Sync,
  randomBytes,
  randomFillSync,
  randomUUID,
  scryptSync,
} from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, test } from "node:test";
import { promisify } from "node:util";
import { gzip, gzipSync } from "node:zlib";
import { type RealWork, watchRealWork } from "../../../rehearsal/clock/real-work.ts";

let work: RealWork;
/** Node closes a file, or a stream, after it has given all of it; the test runner has files of its own. */
const untilQuiet = async (): Promise<void> => {
  while (work.inFlight().length > 0) {
    await new Promise((resolve) => void setImmediate(resolve));
  }
};
beforeEach(async () => {
  work = watchRealWork();
  await untilQuiet();
});
afterEach(() => work.close());

const asynchronous: Readonly<Record<string, () => Promise<unknown>>> = {
  "a file": () => readFile(import.meta.filename),
  "random bytes": () => promisify(randomBytes)(16),
  "a derived key": () => promisify(pbkdf2)("word", "salt", 1, 32, "sha256"),
  "a digest": () => crypto.subtle.digest("SHA-256", Buffer.alloc(100_000)),
  "a key pair": () => crypto.subtle.generateKey("Ed25519", true, ["sign"]),
  "compressed bytes": () => promisify(gzip)(Buffer.alloc(100_000)),
};

const synchronous: Readonly<Record<string, () => unknown>> = {
  "a file": () => readFileSync(import.meta.filename),
  "random bytes": () => randomFillSync(Buffer.alloc(16)),
  // It draws bytes for 128 of them at a time.
  "ids by the hundred": () => Array.from({ length: 200 }, () => randomUUID()),
  "a derived key": () => pbkdf2Sync("word", "salt", 1, 32, "sha256"),
  "another derived key": () => scryptSync("word", "salt", 32),
  "a key pair": () => generateKeyPairSync("ed25519"),
  "compressed bytes": () => gzipSync(Buffer.alloc(100_000)),
};

describe("real work", { timeout: 20_000 }, () => {
  for (const [what, begin] of Object.entries(asynchronous)) {
    test(`is under way until it has brought ${what}`, async () => {
      const done = begin();
      assert.notDeepEqual(work.inFlight(), []);
      await done;
      await untilQuiet();
    });
  }

  for (const [what, call] of Object.entries(synchronous)) {
    test(`is over once a synchronous call has brought ${what}`, () => {
      call();
      assert.deepEqual(work.inFlight(), []);
    });
  }
});
