import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { assertNoLint } from "../infra/lint.ts";

const root = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "drover-examples-"));
after(() => rmSync(folder, { recursive: true }));

const apps = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".ts"));

describe("each example app", () => {
  it("is there", () => {
    assert.deepEqual(new Set(apps), new Set(["imported-group.ts", "owned-group.ts"]));
  });

  for (const app of apps) {
    it(`${app} synthesizes, as cdk runs it, into a template that is clean`, () => {
      const outdir = join(folder, app);
      execFileSync(process.execPath, [join("examples", app)], {
        cwd: root,
        env: { PATH: process.env["PATH"], CDK_OUTDIR: outdir },
        stdio: ["ignore", "inherit", "inherit"],
      });
      const templates = readdirSync(outdir)
        .filter((name) => name.endsWith(".template.json"))
        .map((name) => join(outdir, name));
      assert.equal(templates.length, 1);
      assertNoLint(templates);
    });
  }
});
