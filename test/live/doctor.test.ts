import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { run } from "../../cli/run.ts";
import type { Finding } from "../../lambdas/watch/findings.ts";
import { systemClock } from "../../lambdas/runtime/clock.ts";
import { serveInProcess } from "../../rehearsal/wire.ts";
import { region } from "../../rehearsal/world.ts";
import { assertFinding, assertOthersFine, only } from "../lambdas/watch/findings.ts";
import { type LiveWorld, startLiveWorld } from "./live-world.ts";

describe("the doctor with real Nomad and Consul agents", { timeout: 240_000 }, () => {
  let live: LiveWorld;

  before(async () => {
    live = await startLiveWorld({ pools: [{ pool: "workers" }], slots: 1 });
    await live.scale("workers", 1);
  });
  after(() => live?.stop());

  const examine = async (): Promise<{ code: number; findings: Finding[] }> => {
    let out = "";
    let error = "";
    const code = await run(
      ["doctor", "--region", region, "--json"],
      { out: (text) => (out += text), error: (text) => (error += text) },
      {
        clock: systemClock,
        awsHandler: serveInProcess(live.world.stepFunctions.service, { clock: systemClock }),
      },
    );
    assert.equal(error, "");
    return { code, findings: (JSON.parse(out) as { findings: Finding[] }).findings };
  };

  const rotate = (variable: string, value: string): void => {
    const arn = live.world.stack.functions
      .map(({ env }) => env[variable])
      .find((one) => one !== undefined);
    live.world.secrets.rotate(arn ?? "", value);
  };

  it("finds a healthy cluster right in every check, with the documented policies", async () => {
    const before = await live.world.park.look();
    const { code, findings } = await examine();
    assertOthersFine(findings);
    assert.equal(code, 0);
    assert.match(only(findings, "nomad-servers").what, /1 server with Nomad \d+\.\d+\.\d+/);
    assert.match(only(findings, "nomad-waiting").what, /may wait for 50 s/);
    const [instance] = live.world.autoScaling.instances();
    assert.match(only(findings, "nodes").what, new RegExp(instance?.id ?? "none"));
    assert.match(only(findings, "members").what, new RegExp(instance?.id ?? "none"));
    assert.deepEqual(await live.world.park.look(), before);
  });

  it("finds tokens that are too weak", async () => {
    const { cluster } = live;
    await cluster.nomadApi("POST", "/v1/acl/policy/weak", {
      Name: "weak",
      Rules: 'namespace "*" { capabilities = ["read-job"] }',
    });
    const nomad = await cluster.nomadApi<{ SecretID: string }>("POST", "/v1/acl/token", {
      Name: "weak",
      Type: "client",
      Policies: ["weak"],
    });
    await cluster.consulApi("PUT", "/v1/acl/policy", {
      Name: "weak",
      Rules: 'node_prefix "" { policy = "read" }',
    });
    const consul = await cluster.consulApi<{ SecretID: string }>("PUT", "/v1/acl/token", {
      Policies: [{ Name: "weak" }],
    });
    rotate("NOMAD_TOKEN_SECRET", nomad.SecretID);
    rotate("CONSUL_HTTP_TOKEN_SECRET", consul.SecretID);

    const { code, findings } = await examine();
    assert.equal(code, 1);
    assertFinding(
      findings,
      "nomad-token",
      "error",
      /node \{ policy = "write" \}, namespace "\*" \{ capabilities = \["csi-list-volume"\] \} is missing/,
    );
    assertFinding(
      findings,
      "consul-token",
      "error",
      /operator = "write", node_prefix "" \{ policy = "write" \}, service_prefix "" \{ policy = "read" \} is missing/,
    );
    for (const secret of [nomad.SecretID, consul.SecretID])
      assert.doesNotMatch(JSON.stringify(findings), new RegExp(secret));
  });

  it("finds tokens that nobody knows, and a CA that did not sign", async () => {
    const { credentials } = live.world.park;
    rotate("NOMAD_TOKEN_SECRET", "00000000-0000-4000-8000-00000000000a");
    rotate("CONSUL_HTTP_TOKEN_SECRET", "00000000-0000-4000-8000-00000000000b");
    const unknown = (await examine()).findings;
    assertFinding(unknown, "nomad-token", "error", /refuses the token/);
    assertFinding(unknown, "consul-token", "error", /refuses the token/);

    rotate("NOMAD_CACERT_SECRET", credentials.clientCertificate);
    const untrusted = (await examine()).findings;
    assertFinding(untrusted, "nomad-connection", "error", /is not trusted/, /nomad\.tls\.ca/);
  });
});
