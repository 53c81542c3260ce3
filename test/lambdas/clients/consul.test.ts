import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { connectCluster } from "../../../lambdas/clients/cluster.ts";
import type { Consul } from "../../../lambdas/clients/consul.ts";
import { type Bench, startBench } from "../bench.ts";

let bench: Bench;
let consul: Consul;
beforeEach(async () => {
  bench = await startBench();
  const cluster = connectCluster(bench.surroundings);
  assert.ok(cluster.consul);
  ({ consul } = cluster);
  bench.consul.addAgent({ name: "i-1", address: "10.0.1.1", services: [{ name: "web" }] });
  await bench.until(() => bench.consul.truth.services("i-1")?.length === 1);
});
afterEach(() => bench.end());

const lastSent = () => bench.sent.at(-1);

describe("a member of Consul", () => {
  test("has services, and is unknown when the catalog does not have it", async () => {
    assert.deepEqual(await bench.settle(consul.servicesOf("i-1")), ["web"]);
    assert.equal(await bench.settle(consul.servicesOf("i-2")), undefined);
    assert.deepEqual(
      [lastSent()?.path, lastSent()?.query],
      ["/v1/catalog/node/i-2", { dc: "dc1" }],
    );
  });

  test("that has ended is made to leave, pruned, and deregistered", async () => {
    bench.consul.powerOff("i-1");
    await bench.until(() => bench.consul.truth.member("i-1") === "failed");
    await bench.settle(consul.forceLeave("i-1"));
    assert.deepEqual(
      [lastSent()?.method, lastSent()?.path, lastSent()?.query],
      ["PUT", "/v1/agent/force-leave/i-1", { prune: "" }],
    );
    await bench.settle(consul.deregister("i-1"));
    assert.equal(lastSent()?.path, "/v1/catalog/deregister");
    assert.deepEqual(JSON.parse(lastSent()?.body ?? ""), { Datacenter: "dc1", Node: "i-1" });
    assert.equal(bench.consul.truth.remembers("i-1"), false);
  });

  test("that nobody knows is gone already, for both calls", async () => {
    await bench.settle(consul.forceLeave("i-2"));
    await bench.settle(consul.deregister("i-2"));
  });

  test("is not gone because the call failed", async () => {
    bench.consul.setOutage("refused");
    await assert.rejects(bench.settle(consul.forceLeave("i-1")), { kind: "unreachable" });
    await assert.rejects(bench.settle(consul.deregister("i-1")), { kind: "unreachable" });
    await assert.rejects(bench.settle(consul.servicesOf("i-1")), { kind: "unreachable" });
  });

  test("is refused to a token that may not end it", async () => {
    bench.consul.acl.addToken({
      secret: "consul-token-of-drover",
      accessor: "a",
      grants: { node: "read", service: "read" },
    });
    await assert.rejects(bench.settle(consul.forceLeave("i-1")), { kind: "refused" });
    await assert.rejects(bench.settle(consul.deregister("i-1")), { kind: "refused" });
  });

  test("may take eight seconds to be forced, and more", async () => {
    bench.meddle(async ({ path }) => {
      if (path.includes("force-leave")) await bench.clock.sleep(25_000);
      return undefined;
    });
    await bench.settle(consul.forceLeave("i-2"));
  });
});

describe("the doctor's questions", () => {
  test("are who leads, who the token is, and whether it sees the servers' service", async () => {
    assert.match(await bench.settle(consul.leader()), /:8300$/);
    assert.equal((await bench.settle(consul.ownToken()))?.ExpirationTime, undefined);
    const hasService = (number: number) =>
      bench.consul.truth.services(`consul-server-${number}`)?.length === 1;
    await bench.until(() => [1, 2, 3].every(hasService));
    assert.equal(await bench.settle(consul.countService("consul")), 3);
    assert.deepEqual(
      [lastSent()?.path, lastSent()?.query],
      ["/v1/catalog/service/consul", { dc: "dc1" }],
    );
    assert.equal(await bench.settle(consul.countService("none")), 0);
  });

  test("find no token where ACLs are off", async () => {
    bench.meddle(({ path }) =>
      path === "/v1/acl/token/self" ? { status: 401, body: "ACL support disabled" } : undefined,
    );
    assert.equal(await bench.settle(consul.ownToken()), undefined);
  });
});
