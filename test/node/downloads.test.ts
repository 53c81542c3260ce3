import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { createCertificateAuthority } from "../../rehearsal/agents/certificates.ts";
import type { Cloud } from "./world/cloud.ts";
import { type Downloads, startDownloads } from "./world/downloads.ts";
import { makePool, type Pool, startCloud } from "./world/pool.ts";
import { sha256 } from "./world/publisher.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

const tool = '#!/bin/sh\necho "tool $1"\n';

interface Site {
  readonly pool: Pool;
  readonly downloads: Downloads;
  /** Publishes a bundle with the tool from there; `bytes` is what the bundle says of it. */
  readonly publishTool: (url: string, bytes?: number) => Promise<void>;
}

/** A machine, and a server whose certificate is for a name; the machine believes its authority. */
const makeSite = async (
  context: TestContext,
  { name = "IP:127.0.0.1", believes = true } = {},
): Promise<Site> => {
  const folder = mkdtempSync(join(tmpdir(), "drover-downloads-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const authority = await createCertificateAuthority(folder);
  const { certificate, key } = await authority.issue("server", [name]);
  const read = (path: string) => readFileSync(path, "utf8");
  const downloads = await startDownloads(context, { cert: read(certificate), key: read(key) });
  const pool = await makePool(context, cloud);
  if (believes) {
    const believed = await pool.machine.run("cat >>/etc/ssl/cert.pem", {
      stdin: read(authority.certificate),
    });
    assert.equal(believed.code, 0, believed.stderr);
  }
  const publishTool: Site["publishTool"] = async (url, bytes) => {
    const amd64 = { source: url, sha256: sha256(tool), ...(bytes !== undefined && { bytes }) };
    await pool.publish({
      description: {
        architectures: ["amd64"],
        binaries: [{ path: "/usr/local/bin/tool", check: ["version"], amd64 }],
      },
    });
  };
  return { pool, downloads, publishTool };
};

const refuses = async ({ pool }: Site, why: RegExp, code = 3): Promise<void> => {
  const done = await pool.pull("boot");
  assert.match(done.stderr, why);
  assert.equal(done.code, code, done.stderr);
  assert.match((await pool.report())["reason"] ?? "", why);
  assert.equal(await pool.machine.exists("/usr/local/bin/tool"), false);
};

describe("a binary from a server of others", { concurrency: 3 }, () => {
  it("is taken over TLS, also by way of another address, and no credentials go there", async (context) => {
    const { pool, downloads, publishTool } = await makeSite(context);
    downloads.paths.set("/tool", { to: `${downloads.origin}/mirror/tool-1.2.3` });
    downloads.paths.set("/mirror/tool-1.2.3", tool);
    await publishTool(`${downloads.origin}/tool`, tool.length);
    const done = await pool.pull("boot");
    assert.equal(done.code, 0, done.stderr);
    assert.equal((await pool.machine.run("tool x")).stdout, "tool x\n");
    assert.equal(downloads.asked.length, 2);
    for (const headers of downloads.asked)
      assert.deepEqual(Object.keys(headers).toSorted(), ["accept", "host", "user-agent"]);
  });

  it("is refused when it is another one, is larger than was said, or is not there", async (context) => {
    const site = await makeSite(context);
    const { downloads, publishTool } = site;
    const url = `${downloads.origin}/tool`;
    await publishTool(url, tool.length);
    await refuses(site, /https:.*\/tool: answered 404/);
    downloads.paths.set("/tool", tool.replace("tool", "evil"));
    await refuses(site, /https:.*\/tool is not the binary of the plan: its digest is/);
    downloads.paths.set("/tool", `${tool}\n`);
    await refuses(site, /https:.*\/tool: the answer has more than \d+ bytes/);
  });

  it("is refused when the way to it leaves TLS", async (context) => {
    const site = await makeSite(context);
    site.downloads.paths.set("/tool", { to: `${cloud.endpoint}/tool` });
    await site.publishTool(`${site.downloads.origin}/tool`);
    await refuses(site, /https:.*\/tool: leads to something that is not https/);
  });

  for (const [what, options] of [
    ["nobody whom the machine believes has signed", { believes: false }],
    ["is for another name", { name: "DNS:elsewhere.example" }],
  ] as const) {
    it(`is not taken from a server with a certificate that ${what}`, async (context) => {
      const site = await makeSite(context, options);
      site.downloads.paths.set("/tool", tool);
      await site.publishTool(`${site.downloads.origin}/tool`);
      // Clocks are put right, and certificates renewed: it is tried again.
      site.pool.configure({ DROVER_BOOT_SECONDS: "3" });
      await refuses(site, /https:.*\/tool: its certificate is not believed here/, 4);
      assert.equal(site.downloads.asked.length, 0);
    });
  }
});
