import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parse } from "yaml";
import { needsLoader } from "../../rehearsal/agents/elf.ts";
import type { DescriptionInput } from "../../infra/bundle/rules/source-schema.ts";
import type { Cloud } from "../node/world/cloud.ts";
import { makePool, startCloud } from "../node/world/pool.ts";
import { sha256 } from "../node/world/publisher.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

const root = join(import.meta.dirname, "..", "..");

describe("binaries for machines", () => {
  it("are static, and run where there is no other C library than musl", async (context) => {
    const folder = mkdtempSync(join(tmpdir(), "drover-binaries-"));
    context.after(() => rmSync(folder, { recursive: true }));
    const lines = execFileSync(
      process.execPath,
      [join(root, "rehearsal", "agents", "build-static.ts"), folder],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    );
    const { binaries } = parse(lines) as Pick<DescriptionInput, "binaries">;
    assert.deepEqual(
      binaries?.map(({ path }) => path),
      ["/usr/local/bin/nomad", "/usr/local/bin/consul"],
    );

    const pool = await makePool(context, cloud);
    const names = readdirSync(folder);
    assert.equal(names.length, 2);
    for (const name of names) {
      const content = readFileSync(join(folder, name));
      assert.equal(sha256(content), name);
      assert.equal(needsLoader(content), false);
      await pool.bucket.put(`binaries/${name}`, content);
    }
    // What runs Debian's openssl there; the tests' machines need it, and these must not.
    const loaders = "/lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1";
    const architecture = process.arch === "x64" ? "amd64" : "arm64";
    await pool.publish({
      description: { architectures: [architecture], binaries: binaries ?? [] },
    });
    const done = await pool.pull("boot");
    assert.equal(done.code, 0, done.stderr);
    const { stdout } = await pool.machine.run(
      `rm -f ${loaders}; openssl version 2>/dev/null || echo no glibc; nomad version; consul version`,
    );
    assert.match(stdout, /^no glibc\nNomad v1\.6\.1\n[^]*^Consul v1\.15\.4$/m);
  });
});
