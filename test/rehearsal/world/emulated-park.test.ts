import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { HttpRequest } from "@smithy/protocol-http";
import { type Pace, virtualPace } from "../../../rehearsal/clock/pace.ts";
import type { Instance } from "../../../rehearsal/emulators/auto-scaling/state.ts";
import { createEmulatedPark } from "../../../rehearsal/world/emulated-park.ts";
import { readDrain, type RehearsalJob } from "../../../rehearsal/world/park.ts";
import { emulatedEndpoints } from "../../../rehearsal/world/template.ts";

let pace: Pace;
afterEach(() => pace.end());

const raise = () => {
  pace = virtualPace(1);
  return createEmulatedPark(emulatedEndpoints, { clock: pace.clock, seed: 1 });
};

/** As much of an instance as a machine needs. */
const instance = (id: string) => ({ id, privateIp: "10.0.0.9", zone: "eu-west-1a" }) as Instance;

const service: RehearsalJob = { id: "web", type: "service", count: 1 };

describe("emulated machines", () => {
  test("boot, join Nomad and Consul, run jobs, and are seen with a management token", async () => {
    const park = raise();
    park.launched(instance("i-1"));
    await pace.await(park.ready(["i-1"]));
    await pace.await(park.runJobs([service]));
    await pace.await(park.addForeign());
    const { nodes, members, servers } = await pace.await(park.look());
    assert.deepEqual(nodes.map(({ name }) => name).sort(), [
      "i-1",
      "nomad-server-1",
      "somebody-elses-node",
    ]);
    assert.ok(
      nodes.every(({ status, eligible, draining }) => status === "ready" && eligible && !draining),
    );
    assert.ok(members.includes("i-1") && members.includes("consul-server-1"));
    assert.equal(servers.filter((server) => /^nomad nomad-server-\d/.test(server)).length, 3);
    assert.equal(servers.filter((server) => /^consul consul-server-\d/.test(server)).length, 3);
  });

  test("tell what lived on them when their power went off", async () => {
    const park = raise();
    park.launched(instance("i-1"));
    await pace.await(park.ready(["i-1"]));
    await pace.await(park.runJobs([service]));
    await park.terminated(instance("i-1"));
    assert.deepEqual(park.ends, [
      {
        instanceId: "i-1",
        at: pace.clock.now(),
        drain: "none",
        liveTasks: [{ job: "web", task: "main" }],
      },
    ]);
  });

  test("never start when the power goes off while they boot", async () => {
    const park = raise();
    park.launched(instance("i-1"));
    await park.terminated(instance("i-1"));
    await pace.until(() => false, 60_000);
    const { nodes } = await pace.await(park.look());
    assert.deepEqual(nodes, []);
  });

  test("answer to nobody without the right certificates, and to no unknown token", async () => {
    const park = raise();
    const { ca, clientCertificate, clientKey, nomadToken } = park.credentials;
    const ask = (token: string, tls = { ca, clientCertificate, clientKey }) =>
      park.connect(tls).handle(
        new HttpRequest({
          protocol: "https:",
          hostname: "nomad.internal",
          port: 4646,
          path: "/v1/nodes",
          headers: { "x-nomad-token": token },
        }),
      );
    const { response } = await pace.await(ask(nomadToken));
    assert.equal(response.statusCode, 200);
    assert.equal((await pace.await(ask("guessed"))).response.statusCode, 403);
    await assert.rejects(ask(nomadToken, { ca, clientCertificate, clientKey: "another" }), {
      code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    });
  });
});

describe("what a node's events say of its drains", () => {
  const event = (Message: string, Timestamp: string, deadline?: string) => ({
    Message,
    Timestamp,
    Details: deadline === undefined ? null : { deadline_reached: deadline },
  });

  test("none, clean or forced, and when the first began", () => {
    pace = virtualPace(1);
    const begun = event("Node drain strategy set", "2026-01-05T09:00:00Z");
    const at = Date.parse("2026-01-05T09:00:00Z");
    assert.deepEqual(readDrain([event("Node registered", "2026-01-05T08:00:00Z")]), {
      drain: "none",
    });
    assert.deepEqual(readDrain([begun, event("Node drain complete", "2026-01-05T09:01:00Z")]), {
      drain: "clean",
      drainStartedAt: at,
    });
    assert.deepEqual(
      readDrain([
        begun,
        event("Node drain complete", "2026-01-05T09:01:00Z", "true"),
        event("Node drain complete", "2026-01-05T09:02:00Z"),
      ]),
      { drain: "forced", drainStartedAt: at },
    );
  });
});
