import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Cloud } from "./world/cloud.ts";
import { makePool, startCloud } from "./world/pool.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

describe("drover-pull boot", () => {
  it("brings a fresh machine to what its pool runs", async (context) => {
    const { machine, publish, pull, report } = await makePool(context, cloud);
    await cloud.putSecret("drover/workers/gossip", 'secret "value" with \\ and ü\n');
    const bundle = await publish({
      files: {
        "/etc/motd.d/pool": "{{drover.pool}} {{drover.instance_id}} {{!drover.pool}} {{ .Name }}\n",
        "/etc/agent.hcl": 'key = "{{drover.secret.gossip}}"\n',
      },
      plan: {
        rendered: ["/etc/agent.hcl", "/etc/motd.d/pool"],
        owned: [{ path: "/etc/agent.hcl", owner: "nobody:nobody", mode: "0640" }],
        secrets: [
          {
            store: "secretsmanager",
            id: "drover/workers/gossip",
            owner: "nobody:nobody",
            mode: "0600",
            path: "/run/drover/secrets/gossip",
          },
        ],
      },
    });

    const done = await pull("boot");

    assert.equal(done.code, 0, done.stderr);
    assert.equal(
      await machine.read("/etc/motd.d/pool"),
      "workers i-0123456789abcdef0 {{drover.pool}} {{ .Name }}\n",
    );
    assert.equal(await machine.read("/etc/agent.hcl"), 'key = "/run/drover/secrets/gossip"\n');
    assert.equal(
      await machine.read("/run/drover/secrets/gossip"),
      'secret "value" with \\ and ü\n',
    );
    const listed = await machine.run(
      "stat -L -c '%a %U' /etc/agent.hcl /run/drover/secrets/gossip",
    );
    assert.equal(listed.stdout, "640 nobody\n600 nobody\n");
    const { state, serial, bundle: reported } = await report();
    assert.deepEqual([state, serial, reported], ["ready", "42", bundle.sha256]);
    assert.match(machine.console(), /ready: bundle/);
  });
});
