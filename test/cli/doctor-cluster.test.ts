import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { type HttpHandler, HttpResponse } from "@smithy/protocol-http";
import { assertFinding, assertOthersFine, only } from "../lambdas/watch/findings.ts";
import { type DoctorWorld, type DoctorWorldOptions, raiseDoctorWorld } from "./doctor-world.ts";

let raised: DoctorWorld | undefined;
const raise = async (options?: DoctorWorldOptions): Promise<DoctorWorld> => {
  raised = await raiseDoctorWorld({ size: 1, ...options });
  return raised;
};
afterEach(() => {
  raised?.end();
  raised = undefined;
});

/** The name of a secret, by the variable that a function finds it in. */
const secretOf = (variable: string, { stack }: DoctorWorld["world"]): string => {
  const found = stack.functions.map(({ env }) => env[variable]).find((arn) => arn !== undefined);
  assert.ok(found, variable);
  return found;
};

describe("the way to Nomad and Consul", () => {
  it("with a CA that another one has issued", async () => {
    const { examine, world, park } = await raise();
    const nomadCa = secretOf("NOMAD_CACERT_SECRET", world);
    // A certificate, and not the authority's.
    world.secrets.rotate(nomadCa, park.credentials.clientCertificate);
    const findings = await examine();
    assertFinding(
      findings,
      "nomad-connection",
      "error",
      /nomad\.internal:4646 is not trusted \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)/,
      /nomad\.tls\.ca/,
    );
  });

  it("with a secret that holds something else", async () => {
    const { examine, world } = await raise();
    world.secrets.rotate(
      secretOf("NOMAD_TOKEN_SECRET", world),
      `{"token": "nomad-token-of-drover"}`,
    );
    const findings = await examine();
    assertFinding(findings, "nomad-secrets", "error", /holds JSON/, /as plain text/);
    assert.doesNotMatch(JSON.stringify(findings), /nomad-token-of-drover/);
    assertOthersFine(findings, "nomad-secrets");
  });

  it("refused", async () => {
    const { examine, park } = await raise();
    park.nomad.setOutage("refused");
    const findings = await examine();
    assertFinding(findings, "nomad-connection", "error", /nothing listens on port 4646/);
    assert.ok(!findings.some(({ check }) => check === "nodes"));
    assert.equal(only(findings, "consul-connection").severity, "ok");
  });

  it("silent", async () => {
    const { examine, park } = await raise();
    park.consul.setOutage("silent");
    const findings = await examine();
    assertFinding(findings, "consul-connection", "error", /no answer within 10 s/);
    assertOthersFine(findings, "consul-connection");
  });

  it("without a leader", async () => {
    const { examine, park } = await raise();
    park.nomad.setLeader(undefined);
    park.consul.setLeader(undefined);
    const findings = await examine();
    assertFinding(findings, "nomad-connection", "error", /Nomad has no leader/);
    assertFinding(findings, "consul-connection", "error", /Consul has no leader/);
  });
});

/** Something in between that cuts each call on which nothing moves, after so many seconds. */
const cutAfter =
  (seconds: number, how: { status: number } | { code: string }): DoctorWorldOptions["alter"] =>
  (park, { clock }) => ({
    ...park,
    connect: (tls) => {
      const direct = park.connect(tls);
      const handle: HttpHandler["handle"] = async (request, options) => {
        const over = new AbortController();
        const cut = clock.sleep(seconds * 1000, over.signal).then(
          () => "cut" as const,
          () => "over" as const,
        );
        const answer = direct.handle(request, options).finally(() => over.abort());
        answer.catch(() => undefined);
        const first = await Promise.race([answer, cut]);
        if (first !== "cut") return first === "over" ? answer : first;
        if ("code" in how) throw Object.assign(new Error("socket hang up"), how);
        const body = (async function* () {
          yield Buffer.from("<html>Gateway Time-out</html>");
        })();
        return { response: new HttpResponse({ statusCode: how.status, headers: {}, body }) };
      };
      return { ...direct, handle };
    },
  });

describe("what stands in between", () => {
  const cases = [
    [30, { status: 504 }, /was cut after 30 s \(504\)/],
    [45, { code: "ECONNRESET" }, /was cut after 45 s \(ECONNRESET\)/],
    [10, { status: 408 }, /was cut after 10 s \(408\)/],
  ] as const;
  for (const [seconds, how, what] of cases) {
    it(`cuts a query after ${seconds} s with ${JSON.stringify(how)}`, async () => {
      const { examine } = await raise({ alter: cutAfter(seconds, how) });
      const findings = await examine();
      assertFinding(findings, "nomad-waiting", "error", what, /raise the idle time-out/);
      assertOthersFine(findings, "nomad-waiting");
    });
  }

  it("cuts after 60 s, which is longer than any wait", async () => {
    const { examine } = await raise({ alter: cutAfter(60, { status: 504 }) });
    assertOthersFine(await examine());
  });
});

describe("the tokens", () => {
  const policies = (park: DoctorWorld["park"], namespaces: Record<string, string[]>) => {
    park.nomad.acl.addPolicy("drover", {
      node: "write",
      namespaces: Object.fromEntries(
        Object.entries(namespaces).map(([name, capabilities]) => [name, { capabilities }]),
      ),
    });
  };

  it("that Nomad does not know", async () => {
    const { examine, park } = await raise();
    park.nomad.acl.removeToken(park.credentials.nomadToken);
    const findings = await examine();
    assertFinding(findings, "nomad-token", "error", /Nomad refuses the token/, /nomad\.token/);
    assert.doesNotMatch(JSON.stringify(findings), new RegExp(park.credentials.nomadToken));
  });

  it("that see less than all namespaces", async () => {
    const { examine, park } = await raise();
    policies(park, { default: ["read-job", "csi-list-volume"] });
    assertFinding(
      await examine(),
      "nomad-token",
      "error",
      /namespace "\*" \{ capabilities = \["read-job"\] \}/,
      /nomad-drover\.policy\.hcl/,
    );
  });

  it("that expire soon", async () => {
    const { examine, park, pace } = await raise();
    const expiresAt = new Date(pace.clock.now() + 3 * 86_400_000).toISOString();
    park.nomad.acl.addToken({
      secret: park.credentials.nomadToken,
      accessor: "55555555-5555-4555-8555-555555555555",
      policies: ["drover"],
      expiresAt,
    });
    park.consul.acl.addToken({
      secret: park.credentials.consulToken,
      accessor: "66666666-6666-4666-8666-666666666666",
      grants: { operator: "write", node: "write", service: "read" },
      expiresAt,
    });
    const findings = await examine();
    assertFinding(findings, "nomad-token", "warning", new RegExp(`expires at ${expiresAt}`));
    assertFinding(findings, "consul-token", "warning", new RegExp(`expires at ${expiresAt}`));
    assertOthersFine(findings, "nomad-token", "consul-token");
  });

  it("that have expired", async () => {
    const { examine, park, pace } = await raise();
    const expiresAt = new Date(pace.clock.now() - 1000).toISOString();
    park.nomad.acl.addToken({
      secret: park.credentials.nomadToken,
      accessor: "55555555-5555-4555-8555-555555555555",
      policies: ["drover"],
      expiresAt,
    });
    park.consul.acl.addToken({
      secret: park.credentials.consulToken,
      accessor: "66666666-6666-4666-8666-666666666666",
      grants: { operator: "write", node: "write", service: "read" },
      expiresAt,
    });
    const findings = await examine();
    assertFinding(findings, "nomad-token", "error", new RegExp(`expired at ${expiresAt}`));
    // Consul speaks of it as of one that it never knew.
    assertFinding(findings, "consul-token", "error", /refuses the token/, /expired/);
  });

  it("that may do everything", async () => {
    const { examine, park } = await raise();
    park.nomad.acl.addToken({
      secret: park.credentials.nomadToken,
      accessor: "55555555-5555-4555-8555-555555555555",
      type: "management",
    });
    const findings = await examine();
    assertFinding(findings, "nomad-token", "warning", /management token/);
    assertOthersFine(findings, "nomad-token");
  });

  const grants = { operator: "write", node: "write", service: "read" } as const;
  for (const [left, missing] of [
    ["operator", /operator = "write"/],
    ["node", /node_prefix "" \{ policy = "write" \}/],
    ["service", /service_prefix "" \{ policy = "read" \}/],
  ] as const) {
    it(`without ${left} in Consul`, async () => {
      const { examine, park } = await raise();
      const { [left]: _, ...rest } = grants;
      park.consul.acl.addToken({
        secret: park.credentials.consulToken,
        accessor: "66666666-6666-4666-8666-666666666666",
        grants: rest,
      });
      assertFinding(
        await examine(),
        "consul-token",
        "error",
        missing,
        /consul-drover\.policy\.hcl/,
      );
    });
  }

  it("that Consul does not know", async () => {
    const { examine, park } = await raise();
    park.consul.acl.removeToken(park.credentials.consulToken);
    assertFinding(await examine(), "consul-token", "error", /Consul refuses the token/);
  });
});

describe("the cluster", () => {
  it("of another region and datacenter", async () => {
    const { examine } = await raise({
      reference: { nomadRegion: "eu", consulDatacenter: "eu-1" },
    });
    const findings = await examine();
    assertFinding(
      findings,
      "nomad-connection",
      "error",
      /no such region as "eu"; its servers know "global"/,
      /nomad\.region to "global"/,
    );
    assertFinding(findings, "consul-token", "error", /no such datacenter/, /consul\.datacenter/);
  });

  it("whose servers drain one node at a time, although there are more slots", async () => {
    const { examine } = await raise({
      pools: [{ pool: "workers", maxCapacity: 10, slots: 3 }],
      reference: { slots: 4 },
    });
    const findings = await examine();
    assertFinding(
      findings,
      "nomad-servers",
      "warning",
      /the cluster 4, the pool workers 3.*before 1\.10\.3.* 1\.6\.1/,
      /1\.10\.3 or newer/,
    );
    assertOthersFine(findings, "nomad-servers");
  });

  it("whose servers drain several", async () => {
    const { examine } = await raise({
      pools: [{ pool: "workers", maxCapacity: 10, slots: 3 }],
      reference: { slots: 3 },
      park: { nomadVersion: "1.10.5" },
    });
    const findings = await examine();
    assertOthersFine(findings);
    assert.match(only(findings, "nomad-servers").what, /1\.10\.5: several nodes may drain/);
  });

  it("without Consul", async () => {
    const { examine } = await raise({ reference: { consulAddress: null } });
    const findings = await examine();
    assertOthersFine(findings);
    assert.ok(!findings.some(({ check }) => /^consul|members/.test(check)));
    assert.equal(only(findings, "nodes").severity, "ok");
  });

  it("without ACLs", async () => {
    const { examine, park } = await raise();
    park.nomad.acl.removeToken(park.credentials.nomadToken);
    park.nomad.acl.removeToken("nomad-management");
    park.consul.acl.removeToken(park.credentials.consulToken);
    park.consul.acl.removeToken("consul-management");
    const findings = await examine();
    assertOthersFine(findings);
    assert.match(only(findings, "nomad-token").what, /ACLs are off/);
    assert.match(only(findings, "consul-token").what, /ACLs are off/);
  });

  it("whose servers are too old", async () => {
    const { examine } = await raise({ park: { nomadVersion: "1.2.6" } });
    assertFinding(await examine(), "nomad-servers", "error", /too old for Drover/, /upgrade/);
  });

  it("without one of its servers", async () => {
    const { examine, park } = await raise();
    park.nomad.setServerAlive("nomad-server-3", false);
    const findings = await examine();
    assertFinding(findings, "nomad-servers", "warning", /nomad-server-3\.global \(failed\)/);
    assertOthersFine(findings, "nomad-servers");
  });
});

describe("the instances of a pool", () => {
  it("of which Nomad knows none", async () => {
    const { examine } = await raise({
      alter: (park) => ({ ...park, launched: () => undefined, ready: async () => undefined }),
    });
    const findings = await examine();
    assertFinding(
      findings,
      "nodes",
      "error",
      /knows no node on any instance .* and none on any EC2 instance at all/,
      /-verbose/,
    );
  });

  it("of which Nomad does not know one", async () => {
    const { examine, park, world } = await raise({ size: 2 });
    const [instance] = world.autoScaling.instances();
    const node = park.nomad.truth.node(instance?.id ?? "");
    await raised?.pace.await(park.operate(`/v1/node/${node?.ID}/purge`, {}));
    const findings = await examine();
    assertFinding(findings, "nodes", "warning", new RegExp(`no node on ${instance?.id}`));
  });

  it("whose node is down", async () => {
    const { examine, park, world, pace } = await raise();
    const [instance] = world.autoScaling.instances();
    park.nomad.powerOff(instance?.id ?? "");
    const isDown = () => park.nomad.truth.node(instance?.id ?? "")?.Status === "down";
    assert.ok(await pace.until(isDown, 120_000));
    const findings = await examine();
    assertFinding(findings, "nodes", "warning", /is down, and its instance is in service/);
    assertOthersFine(findings, "nodes");
  });

  it("that are servers", async () => {
    const { examine, park, world } = await raise();
    const [instance] = world.autoScaling.instances();
    park.consul.addService(instance?.id ?? "", { name: "vault" });
    const findings = await examine();
    assertFinding(findings, "members", "error", /is a server: .*Vault/, /take the group out/);
    assertOthersFine(findings, "members");
  });

  it("of which Consul knows none", async () => {
    const { examine, park, world } = await raise();
    const [instance] = world.autoScaling.instances();
    park.consul.leave(instance?.id ?? "");
    const isGone = () => !park.consul.truth.remembers(instance?.id ?? "");
    await raised?.pace.until(isGone, 60_000);
    const findings = await examine();
    assertFinding(findings, "members", "error", /catalog knows none of/);
    assertOthersFine(findings, "members");
  });

  it("are not looked for where there is none", async () => {
    const { examine } = await raise({ size: 0 });
    const findings = await examine();
    assertOthersFine(findings);
    assert.match(only(findings, "nodes").what, /no instance is in service/);
  });
});
