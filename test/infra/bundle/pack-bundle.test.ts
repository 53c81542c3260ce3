import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { buildBundle } from "../../../infra/bundle/build-bundle.ts";
import { checkSource, SourceRefused } from "../../../infra/bundle/check-source.ts";
import { type ArchiveStore, packBundle } from "../../../infra/bundle/pack-bundle.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drover-pack-"));
  mkdirSync(join(source(), "files"), { recursive: true });
  write("bundle.yaml", "architectures: [amd64]\n");
});
afterEach(() => rmSync(folder, { recursive: true }));

const source = () => join(folder, "pool");
const write = (path: string, content: string | Buffer) =>
  writeFileSync(join(source(), path), content);
const sha256 = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");

const inMemory = (): ArchiveStore => {
  const pieces: Buffer[] = [];
  return {
    write: (bytes) => void pieces.push(Buffer.from(bytes)),
    open: () => Readable.from(pieces),
  };
};
const pack = async (store = inMemory()) =>
  packBundle(await checkSource(source(), "workers"), store);

describe("an archive", () => {
  for (const [name, content] of [
    ["nothing", Buffer.alloc(0)],
    ["what fills no piece", Buffer.alloc(1000, "x")],
    ["what can be compressed", Buffer.alloc(3_000_000, "hello ")],
    ["what cannot be compressed", randomBytes(3_000_000)],
  ] as const)
    it(`holds the tar, byte by byte: ${name}`, async () => {
      write("files/file", content);
      const { manifest, archive } = await pack();
      const packed = await buffer(archive.open());
      assert.deepEqual([archive.bytes, archive.sha256], [packed.length, sha256(packed)]);
      const tar = gunzipSync(packed);
      assert.deepEqual([manifest.bytes, manifest.sha256], [tar.length, sha256(tar)]);
      assert.deepEqual(manifest, await buildBundle(await checkSource(source(), "workers")));
      assert.ok(execFileSync("gzip", ["-dc"], { input: packed, maxBuffer: 2 ** 23 }).equals(tar));
      assert.ok(packed.length < tar.length * 1.01 + 1000);
    });

  it("can be read as often as it has to be sent", async () => {
    const { archive } = await pack();
    assert.deepEqual(await buffer(archive.open()), await buffer(archive.open()));
  });

  it("is given up when there is no room for it, and the reason is what it was", async () => {
    write("files/file", randomBytes(1_000_000));
    const reason = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    let written = 0;
    const store: ArchiveStore = {
      ...inMemory(),
      write: (bytes) => {
        if (written > 300_000) throw reason;
        written += bytes.length;
      },
    };
    await assert.rejects(pack(store), reason);
  });
});

describe("a source that changes while it is packed", () => {
  const path = () => join(source(), "files", "later");
  const changes: readonly (readonly [string, () => void])[] = [
    ["shorter", () => truncateSync(path(), 10)],
    ["longer", () => appendFileSync(path(), "more")],
    ["gone", () => rmSync(path())],
    [
      "a link",
      () => {
        renameSync(path(), `${path()}.old`);
        symlinkSync(`${path()}.old`, path());
      },
    ],
    [
      "a folder",
      () => {
        rmSync(path());
        mkdirSync(path());
      },
    ],
  ];
  for (const [name, change] of changes)
    it(`is refused, with the file that is ${name}`, async () => {
      write("files/earlier", randomBytes(1_000_000));
      write("files/later", "x".repeat(1000));
      const store = inMemory();
      let isChanged = false;
      const changing: ArchiveStore = {
        ...store,
        write: (bytes) => {
          if (!isChanged) change();
          isChanged = true;
          store.write(bytes);
        },
      };
      await assert.rejects(
        pack(changing),
        (error) =>
          error instanceof SourceRefused &&
          /files\/later: it changed while it was read: publish again/.test(error.message),
      );
    });
});
