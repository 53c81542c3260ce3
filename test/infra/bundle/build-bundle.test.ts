import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { after, describe, it } from "node:test";
import * as fc from "fast-check";
import { buildBundle } from "../../../infra/bundle/build-bundle.ts";
import { checkSource, SourceRefused } from "../../../infra/bundle/check-source.ts";
import { parsePlan } from "../../../lambdas/config/plan.ts";
import { tarSize } from "../../../lambdas/config/tar.ts";

const folder = mkdtempSync(join(tmpdir(), "drover-bundle-"));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
const newSource = (): string => {
  const source = join(folder, String((count += 1)));
  mkdirSync(join(source, "files"), { recursive: true });
  writeFileSync(join(source, "bundle.yaml"), "architectures: [amd64]\n");
  return source;
};

/** What lies in a folder, by its path: kind, mode and content. */
const look = (root: string): Record<string, string> => {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const mode = (lstatSync(file).mode & 0o777).toString(8);
    const path = relative(root, file);
    if (entry.isSymbolicLink()) found[path] = `-> ${readlinkSync(file)}`;
    else if (entry.isDirectory()) found[path] = `folder ${mode}`;
    else found[path] = `${mode} ${readFileSync(file).toString("base64")}`;
  }
  return found;
};

const part = fc.stringMatching(/^[a-zéü0-9][a-z0-9 ._~%*$'"-]{0,30}[a-zéü0-9]$/);
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const file = fc.record({
  content: fc.uint8Array({ maxLength: 3000 }),
  executable: fc.boolean(),
});
const trees = fc.dictionary(path, fc.oneof(file, fc.constant("folder"), fc.constant("link")), {
  maxKeys: 12,
});

type Drawn = typeof trees extends fc.Arbitrary<infer T> ? T : never;

/** Lays a tree out, as far as its paths do not stand in each other's way. */
const layOut = (source: string, tree: Drawn): void => {
  for (const [name, what] of Object.entries(tree)) {
    const at = join(source, "files", name);
    try {
      mkdirSync(dirname(at), { recursive: true });
      if (what === "folder") mkdirSync(at);
      else if (what === "link") symlinkSync("nowhere", at);
      else if (typeof what !== "string") {
        writeFileSync(at, what.content, { flag: "wx" });
        chmodSync(at, what.executable ? 0o755 : 0o644);
      }
    } catch (error) {
      if (!/EEXIST|ENOTDIR|ENOENT/.test(String(error))) throw error;
    }
  }
};

describe("a bundle", () => {
  it("is the tree that it was made of, once it is unpacked", async () => {
    await fc.assert(
      fc.asyncProperty(trees, async (tree) => {
        const source = newSource();
        layOut(source, tree);
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
