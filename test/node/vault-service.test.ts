import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../../rehearsal/agents/polling.ts";
import type { Cloud } from "./world/cloud.ts";
import { readExample } from "./world/example.ts";
import { makePool, startCloud } from "./world/pool.ts";
import { openrc } from "./world/toys.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

/** In Vault's place: notes how it was started and what it is sent. */
const standIn = `#!/bin/sh
echo "as $(id -un) with $(grep CapAmb /proc/self/status | cut -f2): $*" >>/var/lib/vault/notes
trap 'echo reload >>/var/lib/vault/notes' HUP
trap 'echo stop >>/var/lib/vault/notes; exit 0' TERM
while :; do sleep 0.05; done
`;

/** CAP_IPC_LOCK alone. */
const mayLockMemory = (1n << 14n).toString(16).padStart(16, "0");

describe("the Vault service of the example pool", () => {
  it("runs as its own user, reloads by signal, and is as healthy as its API", async (context) => {
    let asked = "";
    const health = createServer((request, response) => {
      asked = request.url ?? "";
      // Sealed: an answer all the same.
      response.writeHead(503).end("{}");
    }).listen(0, "127.0.0.1");
    await once(health, "listening");
    context.after(() => health.close());
    const address = `http://127.0.0.1:${(health.address() as AddressInfo).port}`;
    const { machine, publish, pull } = await makePool(context, cloud, { init: openrc });
    const compose = (lines: string) => ({
      files: {
        "/usr/local/bin/vault": standIn,
        "/etc/init.d/vault": readExample("files/etc/init.d/vault"),
        "/etc/conf.d/vault": `vault_mode="server"\nvault_address="${address}"\n`,
        "/etc/vault.d/agent.hcl": readExample("files/etc/vault.d/agent.hcl") + lines,
      },
      hooks: { "make-users": readExample("hooks/make-users") },
      description: {
        files: [
          { path: "/usr/local/bin/vault", mode: "0755" },
          { path: "/etc/init.d/vault", mode: "0755" },
          { path: "/etc/vault.d", owner: "vault:vault", mode: "0750" },
          { path: "/etc/vault.d/*", owner: "vault:vault", mode: "0640" },
        ],
        services: [{ name: "vault", "on-change": "reload" as const, watch: ["/etc/vault.d/*"] }],
        hooks: { "before-switch": ["hooks/make-users"] },
      },
    });
    const readNotes = async () =>
      (await machine.read("/var/lib/vault/notes")).trimEnd().split("\n");

    await publish(compose(""));
    const booted = await pull("boot");
    assert.equal(booted.code, 0, booted.stderr);
    assert.deepEqual(await readNotes(), [
      `as vault with ${mayLockMemory}: server -config=/etc/vault.d`,
    ]);
    assert.equal(asked, "/v1/sys/health");
    const { stdout } = await machine.run("stat -c '%a %U:%G' /var/lib/vault /var/log/vault.log");
    assert.equal(stdout, "700 vault:vault\n640 vault:vault\n");

    await publish(compose("# another line\n"));
    assert.equal((await pull("follow")).code, 0);
    await waitFor("the signal to be noted", async () => (await readNotes())[1] === "reload");

    health.close();
    health.closeAllConnections();
    const sick = await pull("verify");
    assert.equal(sick.code, 1);
    assert.match(sick.stdout, /^service vault: its check fails/);

    await machine.run("rc-service vault stop");
    assert.equal((await readNotes())[2], "stop");
  });
});
