import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import * as findNode from "../../../lambdas/retire/find-node.ts";
import type { Node } from "../../../lambdas/retire/retirement.ts";
import { type Bench, startBench } from "../bench.ts";
import { raiseGroup, retirementOf } from "../pool.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

/** The state of an execution for the first of some machines. */
const raise = async () => {
  const [instance] = await raiseGroup(bench);
  assert.ok(instance);
  return { instance, state: retirementOf(bench, instance) };
};
const find = (state: unknown) => bench.call<Node>(findNode, state);
const strange = "i-0000000000000000f";

describe("find node", () => {
  test("finds the node and Consul's name of it, with as many calls in any cluster", async () => {
    const { instance, state } = await raise();
    const before = bench.operations("internal").length;
    const node = await find(state);
    assert.deepEqual(
      [node.answer, node.next, node.name, node.member],
      ["registered", "retire", instance.id, instance.id],
    );
    assert.equal(node.id, bench.nomad.truth.node(instance.id)?.ID);
    assert.deepEqual(bench.operations("internal"), [
      "GET /v1/acl/token/self",
      "GET /v1/acl/policy/drover",
      "GET /v1/nodes",
      `GET /v1/node/${node.id}`,
      "GET /v1/agent/members",
      `GET /v1/catalog/node/${instance.id}`,
    ]);
    assert.equal(before, 0);
  });

  test("looks at its token again only after five minutes", async () => {
    const { state } = await raise();
    const call = bench.container(findNode);
    await call(state);
    await bench.pass(299);
    bench.operations();
    await call(state);
    assert.ok(!bench.operations("nomad").includes("GET /v1/acl/token/self"));
    await bench.pass(2);
    await call(state);
    assert.ok(bench.operations("nomad").includes("GET /v1/acl/token/self"));
  });

  test("is not kept from it by a node without the attribute", async () => {
    const { instance, state } = await raise();
    bench.nomad.addNode({ instanceId: strange, address: "10.0.9.1", fingerprinted: false });
    await bench.pass(1);
    assert.equal((await find(state)).name, instance.id);
  });

  test("takes the live one of two nodes with one instance id", async () => {
    const { instance, state } = await raise();
    const old = bench.nomad.truth.node(instance.id)?.ID ?? "";
    bench.nomad.powerOff(old);
    await bench.until(() => bench.nomad.truth.node(old)?.Status === "down");
    const id = bench.nomad.addNode({ instanceId: instance.id, address: instance.privateIp });
    await bench.until(() => bench.nomad.truth.node(id)?.Status === "ready");
    const node = await find(state);
    assert.deepEqual([node.answer, node.next, node.id], ["ambiguous", "retire", id]);
  });

  test("of a dead machine says that there is nothing to drain", async () => {
    const { instance, state } = await raise();
    bench.nomad.powerOff(instance.id);
    await bench.until(() => bench.nomad.truth.node(instance.id)?.Status === "down");
    const node = await find(state);
    assert.deepEqual([node.answer, node.next], ["down", "complete"]);
  });

  test("waits for a young machine to join, and goes on without an old one", async () => {
    const { state } = await raise();
    const unknown = { ...state, instanceId: strange };
    assert.equal((await find(unknown)).next, "look-again");
    await bench.pass(600);
    const node = await find(unknown);
    assert.deepEqual([node.answer, node.next], ["unregistered", "complete"]);
  });

  test("takes it for wrong settings when no instance at all is known", async () => {
    const node = await find(retirementOf(bench, { id: strange, group: "workers" }));
    assert.deepEqual([node.answer, node.next], ["unreachable", "look-again"]);
    assert.deepEqual(bench.metrics(), [{ pool: "workers", NomadUnreachable: 1 }]);
  });
});

describe("a server", () => {
  test("of Nomad is refused by its address, and counted", async () => {
    await raiseGroup(bench);
    bench.nomad.addNode({ instanceId: strange, address: "10.255.0.11" });
    await bench.until(() => bench.nomad.truth.node(strange)?.Status === "ready");
    const node = await find(retirementOf(bench, { id: strange, group: "workers" }));
    assert.deepEqual([node.answer, node.next], ["server", "refuse"]);
    assert.deepEqual(bench.metrics(), [{ pool: "workers", ServersRefused: 1 }]);
  });

  test("of Vault is refused by its service", async () => {
    const { instance, state } = await raise();
    bench.consul.addService(instance.id, { name: "vault" });
    await bench.until(() => bench.consul.truth.services(instance.id)?.length === 1);
    assert.equal((await find(state)).next, "refuse");
  });

  test("is not ruled out while Consul cannot be asked", async () => {
    const { state } = await raise();
    bench.consul.setOutage("refused");
    const node = await find(state);
    assert.deepEqual([node.answer, node.next], ["unreachable", "look-again"]);
    assert.deepEqual(bench.metrics(), [{ pool: "workers", ConsulUnreachable: 1 }]);
  });

  test("is known by Nomad alone where there is no Consul", async () => {
    const { state } = await raise();
    const { CONSUL_HTTP_ADDR: _address, ...env } = bench.surroundings.env;
    const call = bench.container(findNode, { env });
    assert.equal((await call<Node>(state)).next, "retire");
    assert.ok(bench.sent.every(({ host }) => host !== "consul.internal"));
  });
});

describe("no usable answer", () => {
  for (const kind of ["refused", "silent"] as const) {
    test(`is an outage (${kind}): looked for again, and counted`, async () => {
      const { state } = await raise();
      bench.nomad.setOutage(kind);
      const node = await find(state);
      assert.deepEqual([node.answer, node.next], ["unreachable", "look-again"]);
      assert.deepEqual(bench.metrics(), [{ pool: "workers", NomadUnreachable: 1 }]);
    });
  }

  test("is no leader", async () => {
    const { state } = await raise();
    bench.nomad.setLeader(undefined);
    await bench.pass(10);
    const node = await find(state);
    assert.equal(node.answer, "unreachable");
    assert.match(node.explanation, /No cluster leader/);
  });

  test("is a token that nobody knows: refused, and counted", async () => {
    const { state } = await raise();
    bench.nomad.acl.removeToken("nomad-token-of-drover");
    const node = await find(state);
    assert.deepEqual([node.answer, node.next], ["refused", "look-again"]);
    assert.deepEqual(bench.metrics(), [{ pool: "workers", NomadRefused: 1 }]);
  });

  test("is a token that would see a busy node as empty, until it is a better one", async () => {
    const { state } = await raise();
    bench.nomad.acl.addPolicy("drover", {
      node: "write",
      namespaces: { default: { capabilities: ["read-job"] } },
    });
    const call = bench.container(findNode);
    const node = await call<Node>(state);
    assert.deepEqual([node.answer, node.next], ["refused", "look-again"]);
    assert.match(node.explanation, /namespace "\*" \{ capabilities = \["read-job"\] \}/);
    assert.deepEqual(bench.metrics(), [{ pool: "workers", NomadRefused: 1 }]);
    bench.nomad.acl.addPolicy("better", {
      node: "write",
      namespaces: { "*": { capabilities: ["read-job", "csi-list-volume"] } },
    });
    bench.nomad.acl.addToken({ secret: "better", accessor: "a", policies: ["better", "none"] });
    bench.secrets.rotate("nomad-token", "better");
    assert.equal((await call<Node>(state)).next, "retire");
  });

  test("is busy: looked for again, and counted nowhere", async () => {
    const { state } = await raise();
    bench.meddle(({ host }) => (host === "nomad.internal" ? { status: 429 } : undefined));
    assert.equal((await find(state)).next, "look-again");
    assert.deepEqual(bench.metrics(), []);
  });

  test("is no secret to ask with", async () => {
    const { state } = await raise();
    const env = { ...bench.surroundings.env, NOMAD_TOKEN_SECRET: "none" };
    const node = await bench.container(findNode, { env })<Node>(state);
    assert.deepEqual([node.answer, node.next], ["unreachable", "look-again"]);
  });

  test("shows the token nowhere, in no log and no answer", async () => {
    const { state } = await raise();
    bench.meddle(({ host, headers }) =>
      host === "nomad.internal" ? { status: 500, body: JSON.stringify(headers) } : undefined,
    );
    const node = await find(state);
    assert.doesNotMatch(JSON.stringify([node, bench.lines]), /nomad-token-of-drover/);
  });
});

test("after a step that failed it waits, with all that is known of the node", async () => {
  const { state } = await raise();
  const node = await find(state);
  const back = await find({ ...state, node });
  assert.deepEqual([back.next, back.id, back.member], ["look-again", node.id, node.member]);
  assert.ok(back.waitSeconds > 0);
  const again = await find({ ...state, node: back });
  assert.equal(again.next, "begin-again");
  assert.equal((await find({ ...state, node: again })).next, "retire");
});
