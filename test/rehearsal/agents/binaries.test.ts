import assert from "node:assert/strict";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findOrBuildAgents } from "../../../rehearsal/agents/binaries.ts";

describe("findOrBuildAgents", () => {
  let folder: string;
  const silent = () => undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "drover-binaries-"));
    // Any executable will do: nothing here runs it.
    for (const name of ["nomad", "consul"]) await symlink(process.execPath, join(folder, name));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("takes what the variables name before what is on the PATH", async () => {
    const environment = { NOMAD_BIN: process.execPath, PATH: `/nowhere:${folder}` };
    assert.deepEqual(await findOrBuildAgents(silent, { environment, cache: folder }), {
      nomad: process.execPath,
      consul: join(folder, "consul"),
    });
  });

  it("does not pass over a variable that names no executable", async () => {
    const environment = { NOMAD_BIN: join(folder, "absent"), PATH: folder };
    await assert.rejects(findOrBuildAgents(silent, { environment, cache: folder }), {
      name: "AgentBinaryError",
      message: /NOMAD_BIN .*absent.* no executable/,
    });
  });

  it("says what is missing and what to do when it cannot build", async () => {
    const nothing = { environment: { PATH: "/nowhere" }, cache: join(folder, "empty") };
    await assert.rejects(findOrBuildAgents(silent, nothing), {
      name: "AgentBinaryError",
      message: /nomad .*no Go: install Go .*NOMAD_BIN/,
    });

    const bin = await mkdtemp(join(folder, "bin-"));
    await symlink(process.execPath, join(bin, "go"));
    const onlyGo = { environment: { PATH: bin }, cache: join(folder, "empty") };
    await assert.rejects(findOrBuildAgents(silent, onlyGo), {
      name: "AgentBinaryError",
      message: /nomad .*C compiler: install gcc/,
    });
  });

  it("leaves nothing that looks built when a build fails", async () => {
    const bin = await mkdtemp(join(folder, "bin-"));
    const cache = join(folder, "failed");
    await symlink("/bin/false", join(bin, "go"));
    await symlink("/bin/true", join(bin, "gcc"));
    const failing = { environment: { PATH: bin }, cache };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await assert.rejects(findOrBuildAgents(silent, failing), {
        name: "AgentBinaryError",
        message: /building nomad failed/,
      });
    }
  });
});
