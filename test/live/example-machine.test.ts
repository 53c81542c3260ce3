import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { findOrBuildAgents } from "../../rehearsal/agents/binaries.ts";
import { waitFor } from "../../rehearsal/agents/polling.ts";
import type { Cloud } from "../node/world/cloud.ts";
import { composeExample } from "../node/world/example.ts";
import { makePool, type Pool, startCloud } from "../node/world/pool.ts";
import { sha256, type Source } from "../node/world/publisher.ts";
import { openrc } from "../node/world/toys.ts";
import { type ConsulServer, startConsulServer } from "./consul-server.ts";
import { type NomadServer, startNomadServer } from "./nomad-server.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

const server = "127.9.0.1";
const machine = "127.9.0.2";
const resolver = "127.9.0.3";
const instance = "i-0123456789abcdef0";

/** The servers of a cluster, and a machine of its pool that is still empty. */
interface Cluster {
  readonly consul: ConsulServer;
  readonly nomad: NomadServer;
  readonly pool: Pool;
  /** @param answer - of unbound itself, for a name of its own */
  readonly compose: (answer: string) => Source;
}

const putSecrets = async ({ authority }: ConsulServer, gossip: string): Promise<void> => {
  const client = await authority.issue("nomad", ["DNS:client.global.nomad", "IP:127.0.0.1"]);
  await cloud.putSecret("drover/workers/consul.json", JSON.stringify({ encrypt: gossip }));
  await cloud.putSecret("drover/workers/nomad-cert.pem", readFileSync(client.certificate, "utf8"));
  await cloud.putSecret("drover/workers/nomad-key.pem", readFileSync(client.key, "utf8"));
};

const startCluster = async (context: TestContext): Promise<Cluster> => {
  const folder = mkdtempSync(join(tmpdir(), "drover-example-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const agents = await findOrBuildAgents();
  const gossip = randomBytes(32).toString("base64");
  const place = { folder, address: server };
  const consul = await startConsulServer(context, { ...place, binary: agents.consul, gossip });
  const { authority, ca } = consul;
  const nomad = await startNomadServer(context, { ...place, binary: agents.nomad, authority });
  await putSecrets(consul, gossip);
  const pool = await makePool(context, cloud, { init: openrc });
  pool.configure({ DROVER_BOOT_SECONDS: "60", DROVER_HEALTH_SECONDS: "30" });
  pool.metadata.values.set("local-ipv4", machine);
  const binaries = await Promise.all(
    Object.entries(agents).map(async ([name, path]) => {
      const content = readFileSync(path);
      await pool.bucket.put(`binaries/${sha256(content)}`, content);
      return {
        path: `/usr/local/bin/${name}`,
        check: ["version"],
        amd64: { source: "bucket", sha256: sha256(content), bytes: content.length } as const,
      };
    }),
  );
  const compose = (answer: string): Source =>
    composeExample(
      {
        "/etc/init.d/unbound": { "/usr/sbin/unbound": "/usr/bin/unbound" },
        "/etc/unbound/unbound.conf": {
          "interface: 127.0.0.1": `interface: ${resolver}\n  local-data: "of.bundle. A ${answer}"`,
        },
        "/etc/consul.d/agent.hcl": {
          "provider=aws tag_key=drover:consul tag_value={{drover.cluster}}": server,
        },
      },
      {
        "/etc/conf.d/nomad": `export AWS_ENV_URL=${pool.metadata.endpoint}/latest/meta-data/\n`,
        "/etc/conf.d/unbound": `unbound_address=${resolver}\n`,
        "/etc/consul.d/ca.pem": ca,
        "/etc/nomad.d/ca.pem": ca,
      },
      { binaries },
    );
  return { consul, nomad, pool, compose };
};

describe("a machine of the example pool", () => {
  it("runs Consul, Nomad and unbound, follows, goes back, and leaves when it stops", async (context) => {
    const { consul, nomad, pool, compose } = await startCluster(context);
    const resolve = async (name: string): Promise<string | undefined> => {
      const { stdout } = await pool.machine.run(`nslookup -type=a ${name} ${resolver}`);
      return /^Address: ([\d.]+)$/m.exec(stdout)?.[1];
    };
    /** Waits until all three are what a bundle makes them. */
    const awaitBundle = async (digest: string, answer: string): Promise<void> => {
      const node = await waitFor("the node to be ready, with its bundle", async () => {
        const found = await nomad.findNode(instance);
        return found?.Status === "ready" && found.Meta["drover.bundle"] === digest && found;
      });
      assert.equal(node.Meta["drover.pool"], "workers");
      assert.equal(node.Meta["drover.launch_template_version"], "7");
      await waitFor("Consul to know of its bundle", async () =>
        JSON.stringify(await consul.call("GET", `/v1/catalog/node/${instance}`)).includes(digest),
      );
      assert.equal((await consul.members())[instance], 1);
      await waitFor(
        "Consul's domain to resolve",
        async () => (await resolve("consul.service.consul.")) === server,
      );
      assert.equal(await resolve("of.bundle."), answer);
    };
    const pull = async (command: string): Promise<void> => {
      const done = await pool.pull(command);
      const logs = await pool.machine.run("tail -n 20 /var/log/consul.log /var/log/nomad.log");
      assert.equal(done.code, 0, done.stderr + logs.stdout);
    };

    const first = await pool.publish(compose("10.0.0.1"));
    await pull("boot");
    await awaitBundle(first.sha256, "10.0.0.1");

    const second = await pool.publish(compose("10.0.0.2"));
    await pull("follow");
    await awaitBundle(second.sha256, "10.0.0.2");

    await pull("rollback");
    await awaitBundle(first.sha256, "10.0.0.1");

    await pool.machine.run("rc-service consul stop", { limitSeconds: 40 });
    await waitFor("the member to have left", async () => (await consul.members())[instance] === 3);
  });
});
