import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { findOrBuildAgents } from "../../rehearsal/agents/binaries.ts";

const example = join(import.meta.dirname, "..", "..", "examples", "pool", "files", "etc");

/** What a machine makes of a file, near enough for who only checks its words. */
const render = (text: string): string =>
  text.replaceAll(/\{\{drover\.([^}]+)\}\}/g, (_, name: string) =>
    name === "private_ip" ? "10.0.1.17" : `value-of-${name}`,
  );

describe("the example pool", () => {
  it("has settings that Consul and Nomad take", async (context) => {
    const folder = mkdtempSync(join(tmpdir(), "drover-example-"));
    context.after(() => rmSync(folder, { recursive: true }));
    const { consul, nomad } = await findOrBuildAgents(() => {});
    for (const [binary, words, file] of [
      [consul, ["validate"], "consul.d/agent.hcl"],
      [nomad, ["config", "validate"], "nomad.d/client.hcl"],
    ] as const) {
      const path = join(folder, file.replace("/", "-"));
      writeFileSync(path, render(readFileSync(join(example, file), "utf8")));
      const said = execFileSync(binary, [...words, path], { encoding: "utf8", stdio: "pipe" });
      assert.match(said, /valid/i);
    }
  });

  it("has no setting for new nodes, with which this Nomad would not start", async (context) => {
    const folder = mkdtempSync(join(tmpdir(), "drover-example-"));
    context.after(() => rmSync(folder, { recursive: true }));
    const { nomad } = await findOrBuildAgents(() => {});
    const path = join(folder, "client.hcl");
    const text = render(readFileSync(join(example, "nomad.d", "client.hcl"), "utf8"));
    const setting = "  # default_ineligible = true\n";
    assert.ok(text.includes(setting));
    writeFileSync(path, text.replace(setting, setting.replace("# ", "")));
    assert.throws(
      () => execFileSync(nomad, ["config", "validate", path], { stdio: "pipe" }),
      /unexpected keys default_ineligible/,
    );
  });
});
