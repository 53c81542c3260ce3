import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import * as fc from "fast-check";
import { buildBundle } from "../../../infra/bundle/build-bundle.ts";
import { checkSource, SourceRefused } from "../../../infra/bundle/check-source.ts";
import { parsePlan } from "../../../lambdas/config/plan.ts";
import { tarSize } from "../../../lambdas/config/tar.ts";
import { layOutTree, look, trees } from "./trees.ts";

const folder = mkdtempSync(join(tmpdir(), "drover-bundle-"));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
const newSource = (): string => {
  const source = join(folder, String((count += 1)));
  mkdirSync(join(source, "files"), { recursive: true });
  writeFileSync(join(source, "bundle.yaml"), "architectures: [amd64]\n");
  return source;
};

describe("a bundle", () => {
  it("is the tree that it was made of, once it is unpacked", async () => {
    await fc.assert(
      fc.asyncProperty(trees, async (tree) => {
        const source = newSource();
        layOutTree(source, "files", tree);
        const pieces: Buffer[] = [];
        const checked = await checkSource(source, "workers");
        const manifest = await buildBundle(
          checked,
          (piece) => void pieces.push(Buffer.from(piece)),
        );
        const tar = Buffer.concat(pieces);
        assert.equal(tar.length, manifest.bytes);
        assert.equal(createHash("sha256").update(tar).digest("hex"), manifest.sha256);
        const unpacked = join(folder, `${count}-unpacked`);
        mkdirSync(unpacked);
        execFileSync("tar", ["-xpf", "-", "-C", unpacked], { input: tar });
        const plan = {
          path: "plan",
          kind: "file" as const,
          size: lstatSync(join(unpacked, "plan")).size,
        };
        assert.equal(manifest.bytes, tarSize([...checked.entries, plan]));
        assert.deepEqual(look(join(unpacked, "files")), look(join(source, "files")));
        assert.deepEqual(parsePlan(readFileSync(join(unpacked, "plan"), "utf8")).rendered, []);
      }),
      { numRuns: 60 },
    );
  });

  it("goes out in pieces of one buffer, however large it is", async () => {
    const source = newSource();
    // Ten megabytes of nothing, which take no room on the disk.
    writeFileSync(join(source, "files", "large"), "");
    truncateSync(join(source, "files", "large"), 10_000_000);
    const buffers = new Set<ArrayBufferLike>();
    let largest = 0;
    await buildBundle(await checkSource(source, "workers"), (piece) => {
      buffers.add(piece.buffer);
      largest = Math.max(largest, piece.length);
    });
    assert.equal(buffers.size, 1);
    assert.ok(largest <= 256 * 1024);
  });

  it("is refused when a file changes after it was checked", async () => {
    for (const size of [0, 20]) {
      const source = newSource();
      const changing = join(source, "files", "changing");
      writeFileSync(changing, "0123456789");
      const checked = await checkSource(source, "workers");
      truncateSync(changing, size);
      await assert.rejects(buildBundle(checked), SourceRefused, String(size));
    }
  });
});
