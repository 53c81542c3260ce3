import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findOrBuildAgents } from "../../rehearsal/agents/binaries.ts";
import { waitFor } from "../../rehearsal/agents/polling.ts";
import type { Cloud } from "../node/world/cloud.ts";
import { readExample, replaceAll } from "../node/world/example.ts";
import { makePool, type Pool, startCloud } from "../node/world/pool.ts";
import { type Bundle, sha256, type Source } from "../node/world/publisher.ts";
import { openrc } from "../node/world/toys.ts";
import { type ConsulServer, startConsulServer } from "./consul-server.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

const server = "127.9.1.1";
const machine = "127.9.1.2";
const instance = "i-0123456789abcdef0";
const role = "arn:aws:iam::123456789012:role/drover-workers";

/** Two methods for the machines' role: the second one also looks the role up. */
const addMethods = async ({ call }: ConsulServer): Promise<void> => {
  await call("PUT", "/v1/acl/policy", {
    Name: "machine",
    Rules: `node_prefix "i-" { policy = "write" }
      node_prefix "" { policy = "read" }
      service_prefix "" { policy = "read" }`,
  });
  for (const [Name, details] of [
    ["by-role", {}],
    ["by-details", { EnableIAMEntityDetails: true }],
  ] as const) {
    await call("PUT", "/v1/acl/auth-method", describeMethod(Name, role, details));
    await call("PUT", "/v1/acl/role", { Name: `machine-${Name}`, Policies: [{ Name: "machine" }] });
    await call("PUT", "/v1/acl/binding-rule", {
      AuthMethod: Name,
      BindType: "role",
      BindName: `machine-${Name}`,
      Selector: 'entity_name=="drover-workers"',
    });
  }
};

const describeMethod = (Name: string, trusted: string, details: object) => ({
  Name,
  Type: "aws-iam",
  MaxTokenTTL: "4h",
  Config: {
    BoundIAMPrincipalARNs: [trusted],
    ServerIDHeaderValue: "consul.blue",
    STSEndpoint: cloud.endpoint,
    IAMEndpoint: cloud.endpoint,
    ...details,
  },
});

/** The example with its login and without the services that need none. */
const composeSource = (
  ca: string,
  consul: Buffer,
  metadata: string,
  method: string,
  options = "",
): Source => ({
  files: {
    "/etc/init.d/consul": readExample("files/etc/init.d/consul"),
    "/etc/conf.d/consul": `${replaceAll(readExample("files/etc/conf.d/consul"), {
      'consul_login_method=""': `consul_login_method="${method}"`,
      "https://consul.example.internal:8501": `https://${server}:8501`,
      "consul_login_seconds=60": "consul_login_seconds=2",
      'consul_login_options=""': `consul_login_options="-tls-server-name=server.dc1.consul \
-aws-server-id-header-value=consul.blue -aws-sts-endpoint=${cloud.endpoint} ${options}"`,
    })}consul_address=http://${machine}:8500
export AWS_EC2_METADATA_SERVICE_ENDPOINT=${metadata}
`,
    "/etc/consul.d/agent.hcl": replaceAll(readExample("files/etc/consul.d/agent.hcl"), {
      "provider=aws tag_key=drover:consul tag_value={{drover.cluster}}": server,
      "bind_addr ": `client_addr = "${machine}"\nbind_addr `,
    }),
    "/etc/consul.d/ca.pem": ca,
  },
  hooks: { "make-users": readExample("hooks/make-users") },
  description: {
    architectures: ["amd64"],
    files: [{ path: "/etc/init.d/*", mode: "0755" }],
    binaries: [
      {
        path: "/usr/local/bin/consul",
        check: ["version"],
        amd64: { source: "bucket", sha256: sha256(consul), bytes: consul.length },
      },
    ],
    secrets: [
      {
        name: "consul.json",
        from: "secretsmanager",
        id: "drover/workers/login/consul.json",
        owner: "consul:consul",
      },
    ],
    services: [{ name: "consul" }],
    hooks: { "before-switch": ["hooks/make-users"] },
  },
});

const file = "/run/consul-login/acl.json";

/** A machine that has logged in, and the server that let it in. */
interface Scene {
  readonly consul: ConsulServer;
  readonly pool: Pool;
  readonly publish: (method: string, options?: string) => Promise<Bundle>;
}

const bootMachine = async (context: { after(done: () => void): void }): Promise<Scene> => {
  const folder = mkdtempSync(join(tmpdir(), "drover-example-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const { consul: binary } = await findOrBuildAgents();
  const gossip = randomBytes(32).toString("base64");
  const place = { binary, folder, address: server };
  const consul = await startConsulServer(context, { ...place, gossip, management: randomUUID() });
  await addMethods(consul);
  // The cached rights of a token that is gone end within a second here, and in thirty by default.
  const settings = { encrypt: gossip, acl: { token_ttl: "1s" } };
  await cloud.putSecret("drover/workers/login/consul.json", JSON.stringify(settings));
  const pool = await makePool(context, cloud, { init: openrc });
  pool.configure({ DROVER_BOOT_SECONDS: "60", DROVER_HEALTH_SECONDS: "30" });
  pool.metadata.values.set("local-ipv4", machine);
  const content = readFileSync(binary);
  await pool.bucket.put(`binaries/${sha256(content)}`, content);
  const { endpoint } = pool.metadata;
  return {
    consul,
    pool,
    publish: (method, options) =>
      pool.publish(composeSource(consul.ca, content, endpoint, method, options)),
  };
};

// One machine, whose tests go on where the one before has left it.
describe("the login of the example's Consul", () => {
  const cleanings: (() => void | Promise<void>)[] = [];
  let scene: Scene;
  before(async () => {
    scene = await bootMachine({ after: (done) => cleanings.push(done) });
  });
  after(async () => {
    for (const clean of cleanings.toReversed()) await clean();
  });

  const readToken = async (): Promise<string> => {
    const { acl } = JSON.parse(await scene.pool.machine.read(file)) as {
      acl: { tokens: { agent: string } };
    };
    return acl.tokens.agent;
  };
  const findToken = async () =>
    scene.consul.call<{ AccessorID: string; AuthMethod: string; ExpirationTime: string }>(
      "GET",
      `/v1/acl/token/self?token=${await readToken()}`,
    );
  /** What the agent is allowed to see. */
  const listNodes = async (): Promise<string> => {
    const response = await fetch(`http://${machine}:8500/v1/catalog/nodes`);
    return `${response.status} ${await response.text()}`;
  };
  const awaitRights = () =>
    waitFor("the agent to have rights", async () => (await listNodes()).includes(instance));
  const awaitBundle = (digest: string) =>
    waitFor("the catalog to have the machine with its bundle", async () =>
      JSON.stringify(await scene.consul.call("GET", `/v1/catalog/node/${instance}`)).includes(
        digest,
      ),
    );
  const renew = () => scene.pool.machine.run("rc-service consul renew");

  it("gets the agent a token by the machine's role before it starts", async () => {
    const { sha256: digest } = await scene.publish("by-role");
    const done = await scene.pool.pull("boot");
    assert.equal(done.code, 0, done.stderr);
    await awaitBundle(digest);
    assert.equal((await scene.consul.members())[instance], 1);
    const token = await findToken();
    assert.equal(token.AuthMethod, "by-role");
    assert.ok(Date.parse(token.ExpirationTime) > Date.now());
  });

  it("keeps the token in memory, for the agent and root alone", async () => {
    const { machine: alpine } = scene.pool;
    const { stdout: modes } = await alpine.run(
      "cd /run/consul-login && stat -c '%n %a %U' * && stat -f -c %T .",
    );
    assert.equal(modes, "acl.json 600 consul\ntoken 600 root\ntmpfs\n");
    const { stdout: traces } = await alpine.run(
      `cat >/run/wanted
       grep -lFf /run/wanted /proc/[0-9]*/cmdline /proc/[0-9]*/environ /dev/console
       find /etc /var /tmp /root -xdev -type f -size -9000k -exec grep -lFf /run/wanted {} +`,
      { stdin: `${await readToken()}\n` },
    );
    assert.equal(traces, "", "it is in no argument, environment, log or file on the disk");
  });

  it("gets another one when the time of the first is over", async () => {
    const old = await readToken();
    const { AccessorID } = await findToken();
    await scene.consul.call("DELETE", `/v1/acl/token/${AccessorID}`);
    await waitFor("the old token to be useless", async () => (await listNodes()).startsWith("403"));
    assert.equal((await renew()).code, 0);
    await awaitRights();
    assert.notEqual(await readToken(), old);
  });

  it("keeps what it has when it is refused, and says why without what was signed", async () => {
    const { metadata } = scene.pool;
    const held = await readToken();
    const refuses = async (words: RegExp): Promise<void> => {
      const { code, stdout, stderr } = await renew();
      assert.notEqual(code, 0);
      assert.match(stdout + stderr, words);
      assert.doesNotMatch(stdout + stderr, /Signature=|x-amz-security-token/i);
      assert.equal(await readToken(), held);
    };
    const path = "iam/security-credentials/drover-workers";
    const right = metadata.values.get(path) ?? "";
    const wrong = right.replace(/("SecretAccessKey": ")[^"]*/, "$1another");
    assert.notEqual(wrong, right);
    metadata.values.set(path, wrong);
    // AWS answers with 403 and XML, this STS with 403 and JSON.
    await refuses(/gave this machine's role no token: .*(received error code 403|is invalid)/);
    metadata.values.set(path, right);
    await scene.consul.call(
      "PUT",
      "/v1/acl/auth-method/by-role",
      describeMethod("by-role", "arn:aws:iam::123456789012:role/drover-others", {}),
    );
    await refuses(/IAM principal arn:aws:iam::123456789012:role\/drover-workers is not trusted/);
  });

  it("has its role looked up by a method that wants to, with iam:GetRole", async () => {
    await cloud.allow({
      "s3:GetObject": "arn:aws:s3:::*",
      "s3:PutObject": `arn:aws:s3:::*/reports/workers/${cloud.roleId}:*`,
      "secretsmanager:GetSecretValue": "*",
      "iam:GetRole": role,
    });
    const { sha256: digest } = await scene.publish("by-details", "-aws-include-entity");
    const done = await scene.pool.pull("follow");
    assert.equal(done.code, 0, done.stderr);
    await awaitBundle(digest);
    assert.equal((await findToken()).AuthMethod, "by-details");
  });

  it("brings the bundle before back when it gets no token", async () => {
    await scene.publish("by-role");
    const done = await scene.pool.pull("follow");
    assert.equal(done.code, 5, done.stderr);
    assert.match(done.stderr, /could not be started: consul/);
    await awaitRights();
  });
});
