import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { findOrBuildAgents } from "../../rehearsal/agents/binaries.ts";
import { createCertificateAuthority } from "../../rehearsal/agents/certificates.ts";
import { waitFor } from "../../rehearsal/agents/polling.ts";
import type { Cloud } from "../node/world/cloud.ts";
import { readExample, replaceAll } from "../node/world/example.ts";
import { makePool, startCloud } from "../node/world/pool.ts";
import { sha256, type Source } from "../node/world/publisher.ts";
import { openrc } from "../node/world/toys.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

const server = "127.9.0.1";
const machine = "127.9.0.2";
const resolver = "127.9.0.3";
const gossip = randomBytes(32).toString("base64");

/** A Consul server that hands out certificates to its clients. */
const startServer = async (
  context: TestContext,
  binary: string,
  folder: string,
): Promise<{ readonly ca: string; readonly nomad: { certificate: string; key: string } }> => {
  const authority = await createCertificateAuthority(folder);
  const own = await authority.issue("server", ["DNS:server.dc1.consul"]);
  const nomad = await authority.issue("nomad", ["DNS:client.global.nomad", "IP:127.0.0.1"]);
  const config = join(folder, "server.json");
  writeFileSync(
    config,
    JSON.stringify({
      server: true,
      bootstrap: true,
      disable_update_check: true,
      datacenter: "dc1",
      data_dir: join(folder, "data"),
      bind_addr: server,
      client_addr: server,
      encrypt: gossip,
      auto_encrypt: { allow_tls: true },
      connect: { enabled: true },
      ports: { grpc: -1, grpc_tls: -1 },
      tls: {
        defaults: {
          ca_file: authority.certificate,
          cert_file: own.certificate,
          key_file: own.key,
          verify_incoming: true,
          verify_outgoing: true,
        },
        internal_rpc: { verify_server_hostname: true },
      },
    }),
  );
  const child = spawn(
    "setpriv",
    ["--pdeathsig", "KILL", "--", binary, "agent", `-config-file=${config}`],
    { stdio: "ignore" },
  );
  context.after(async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  await waitFor("Consul's server to lead", async () => {
    const response = await fetch(`http://${server}:8500/v1/status/leader`);
    return (await response.text()).includes(server);
  });
  return {
    ca: readFileSync(authority.certificate, "utf8"),
    nomad: {
      certificate: readFileSync(nomad.certificate, "utf8"),
      key: readFileSync(nomad.key, "utf8"),
    },
  };
};

const secret = (name: string, owner: string) => ({
  name,
  from: "secretsmanager" as const,
  id: `drover/workers/${name}`,
  owner,
});

/** The example pool without Vault, for which there is no binary here. */
const exampleSource = (
  ca: string,
  binaries: ReadonlyMap<string, Buffer>,
  metadata: string,
): Source => {
  const services = ["unbound", "consul", "nomad"];
  const scripts = services.map((name) => [
    `/etc/init.d/${name}`,
    readExample(`files/etc/init.d/${name}`).replace("/usr/sbin/unbound", "/usr/bin/unbound"),
  ]);
  return {
    files: {
      ...Object.fromEntries(scripts),
      "/etc/conf.d/consul": readExample("files/etc/conf.d/consul"),
      "/etc/conf.d/nomad": `export AWS_ENV_URL=${metadata}/latest/meta-data/\n`,
      "/etc/conf.d/unbound": `unbound_address=${resolver}\n`,
      "/etc/consul.d/agent.hcl": replaceAll(readExample("files/etc/consul.d/agent.hcl"), {
        "provider=aws tag_key=drover:consul tag_value={{drover.cluster}}": server,
      }),
      "/etc/consul.d/ca.pem": ca,
      "/etc/nomad.d/client.hcl": readExample("files/etc/nomad.d/client.hcl"),
      "/etc/nomad.d/ca.pem": ca,
      "/etc/unbound/unbound.conf": replaceAll(readExample("files/etc/unbound/unbound.conf"), {
        "interface: 127.0.0.1": `interface: ${resolver}`,
      }),
    },
    hooks: { "make-users": readExample("hooks/make-users") },
    description: {
      architectures: ["amd64"],
      files: [{ path: "/etc/init.d/*", mode: "0755" }],
      binaries: [...binaries].map(([name, content]) => ({
        path: `/usr/local/bin/${name}`,
        check: ["version"],
        amd64: { source: "bucket", sha256: sha256(content), bytes: content.length },
      })),
      secrets: [
        secret("consul.json", "consul:consul"),
        secret("nomad-cert.pem", "root:root"),
        secret("nomad-key.pem", "root:root"),
      ],
      services: services.map((name) => ({ name })),
      hooks: { "before-switch": ["hooks/make-users"] },
    },
  };
};

describe("a machine of the example pool", () => {
  it("runs Consul, Nomad and unbound, and leaves when it stops", async (context) => {
    const folder = mkdtempSync(join(tmpdir(), "drover-example-"));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const agents = await findOrBuildAgents();
    const { ca, nomad } = await startServer(context, agents.consul, folder);
    await cloud.putSecret("drover/workers/consul.json", JSON.stringify({ encrypt: gossip }));
    await cloud.putSecret("drover/workers/nomad-cert.pem", nomad.certificate);
    await cloud.putSecret("drover/workers/nomad-key.pem", nomad.key);
    const pool = await makePool(context, cloud, { init: openrc });
    pool.configure({ DROVER_BOOT_SECONDS: "60", DROVER_HEALTH_SECONDS: "30" });
    pool.metadata.values.set("local-ipv4", machine);
    const binaries = new Map(
      Object.entries(agents).map(([name, path]) => [name, readFileSync(path)]),
    );
    for (const content of binaries.values())
      await pool.bucket.put(`binaries/${sha256(content)}`, content);
    const bundle = await pool.publish(exampleSource(ca, binaries, pool.metadata.endpoint));

    const done = await pool.pull("boot");
    const logs = await pool.machine.run("tail -n 20 /var/log/consul.log /var/log/nomad.log");
    assert.equal(done.code, 0, done.stderr + logs.stdout);

    const members = async (): Promise<string> =>
      JSON.stringify(
        ((await (await fetch(`http://${server}:8500/v1/agent/members`)).json()) as unknown[]).map(
          (member) => {
            const { Name, Status } = member as { Name: string; Status: number };
            return `${Name} ${Status}`;
          },
        ),
      );
    // 1 is alive, 3 has left.
    await waitFor("the machine to be a member", async () =>
      (await members()).includes("i-0123456789abcdef0 1"),
    );
    const node = await (
      await fetch(`http://${server}:8500/v1/catalog/node/i-0123456789abcdef0`)
    ).text();
    assert.ok(node.includes(bundle.sha256), node);
    await waitFor("Consul's domain to resolve", async () => {
      const { stdout } = await pool.machine.run(
        `nslookup -type=a consul.service.consul. ${resolver}`,
      );
      return stdout.includes(`Address: ${server}`);
    });
    const meta = await pool.machine.run(
      "curl -sk https://127.0.0.1:4646/v1/agent/self | grep -o 'drover.launch_template_version[^,}]*'",
    );
    assert.match(meta.stdout, /"7"/);

    await pool.machine.run("rc-service consul stop", { limitSeconds: 40 });
    await waitFor("the member to have left", async () =>
      (await members()).includes("i-0123456789abcdef0 3"),
    );
  });
});
