import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as fc from "fast-check";
import { buildBundle } from "../../../infra/bundle/build-bundle.ts";
import { type CheckedSource, checkSource } from "../../../infra/bundle/check-source.ts";
import type { Manifest } from "../../../lambdas/config/manifest.ts";
import { type ScannedTar, scanTar } from "../../../lambdas/config/scan-tar.ts";
import { scratchFolder } from "./bundle-account.ts";

const { folder, remove } = scratchFolder();
after(remove);

let checked: CheckedSource;
let manifest: Manifest;
let tar: Buffer;
before(async () => {
  mkdirSync(join(folder, "files", "etc"), { recursive: true });
  writeFileSync(join(folder, "bundle.yaml"), "architectures: [amd64, arm64]\n");
  writeFileSync(join(folder, "files", "etc", "motd"), "welcome to {{drover.pool}}\n");
  writeFileSync(join(folder, "files", "etc", "long"), "x".repeat(1500));
  checked = await checkSource(folder, "workers");
  const pieces: Buffer[] = [];
  manifest = await buildBundle(checked, (piece) => void pieces.push(Buffer.from(piece)));
  tar = Buffer.concat(pieces);
});

const scan = async (pieces: readonly Buffer[]): Promise<ScannedTar> => {
  const { target, result } = scanTar();
  await pipeline(Readable.from(pieces), target);
  return result();
};

describe("a tar that comes in pieces", () => {
  it("says what its publisher knew, whatever the pieces are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 20 }),
        async (sizes) => {
          const pieces: Buffer[] = [];
          let from = 0;
          for (const size of [...sizes, tar.length]) {
            pieces.push(tar.subarray(from, from + size));
            from += size;
          }
          assert.deepEqual(await scan(pieces), { manifest, plan: checked.plan });
        },
      ),
      { numRuns: 100 },
    );
  });

  it("is refused when it ends in the middle", async () => {
    for (const length of [0, 100, 512 + 100, tar.length - 1024, tar.length - 512, tar.length - 1])
      await assert.rejects(scan([tar.subarray(0, length)]), /ends without its two blocks of zeros/);
  });

  it("is refused when it goes on after its end", async () => {
    for (const more of [Buffer.alloc(512), tar])
      await assert.rejects(scan([tar, more]), /goes on after its two blocks of zeros/);
  });

  it("is refused when an entry is there twice", async () => {
    const first = tar.subarray(0, 512);
    await assert.rejects(scan([first, tar]), /has no order: files\/ is not in its place/);
  });

  it("is refused when it has a header that no publisher writes", async () => {
    const other = Buffer.from(tar);
    other.write("0000777", 100);
    await assert.rejects(scan([other]), /a header that no publisher writes/);
  });

  it("is refused without a plan", async () => {
    await assert.rejects(scan([Buffer.alloc(1024)]), { name: "FormatError" });
  });
});
