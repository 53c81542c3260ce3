import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import * as fc from "fast-check";
import { connectCluster } from "../../../lambdas/clients/cluster.ts";
import {
  type ApiCall,
  type ClusterApi,
  ClusterFailure,
} from "../../../lambdas/clients/cluster-api.ts";
import { type Nomad, nomadClient } from "../../../lambdas/clients/nomad.ts";
import { type Bench, startBench } from "../bench.ts";
import { raiseGroup } from "../pool.ts";

let bench: Bench;
let nomad: Nomad;
beforeEach(async () => {
  bench = await startBench();
  ({ nomad } = connectCluster(bench.surroundings));
});
afterEach(() => bench.end());

const nobody = "00000000-0000-4000-8000-000000000000";
const settle = <T>(promise: Promise<T>) => bench.settle(promise);
const lastSent = () => {
  const sent = bench.sent.at(-1);
  assert.ok(sent);
  return sent;
};
/** One ready node, with a job on it. */
const raiseNode = async () => {
  const [instance] = await raiseGroup(bench, { desired: 1 });
  assert.ok(instance);
  bench.nomad.runJob({ id: "web", groups: [{ count: 2 }] });
  await bench.until(() => bench.nomad.truth.liveTasks(instance.id) === 2);
  const node = bench.nomad.truth.node(instance.id);
  assert.ok(node);
  return { instance, node };
};

describe("a drain on the wire", () => {
  test("has its deadline in whole nanoseconds, and Meta of texts", async () => {
    const { node } = await raiseNode();
    const meta = { drover: "arn", drover_pass: "work" };
    const answer = await settle(
      nomad.drain(node.ID, { deadlineSeconds: 90.4, ignoreSystemJobs: true, meta }),
    );
    assert.equal(answer, node.ModifyIndex);
    const { method, path, query, body } = lastSent();
    assert.deepEqual(
      [method, path, query],
      ["PUT", `/v1/node/${node.ID}/drain`, { region: "global" }],
    );
    assert.deepEqual(JSON.parse(body), {
      DrainSpec: { Deadline: 90_000_000_000, IgnoreSystemJobs: true },
      MarkEligible: false,
      Meta: meta,
    });
    assert.equal(node.DrainStrategy?.Deadline, 90e9);
    assert.deepEqual(node.LastDrain?.Meta, meta);
  });

  test("never has the deadline 0, which is none, and never forces at once", async () => {
    const bodies: unknown[] = [];
    const api = {
      call: (call: ApiCall) => {
        bodies.push(call.body);
        return Promise.resolve({ body: undefined, index: 0 });
      },
    } as ClusterApi;
    const client = nomadClient(api, "global");
    await fc.assert(
      fc.asyncProperty(fc.double({ noNaN: true, min: -10, max: 172_800 }), async (seconds) => {
        await client.drain("n-1", { deadlineSeconds: seconds, ignoreSystemJobs: false, meta: {} });
        const { DrainSpec } = bodies.at(-1) as { DrainSpec: { Deadline: number } };
        assert.ok(Number.isSafeInteger(DrainSpec.Deadline) && DrainSpec.Deadline >= 1e9);
        assert.match(JSON.stringify(DrainSpec), /"Deadline":\d+,/);
      }),
    );
  });
});

describe("a write", () => {
  test("makes a node ineligible", async () => {
    const { node } = await raiseNode();
    assert.equal(await settle(nomad.makeIneligible(node.ID)), "done");
    assert.deepEqual(JSON.parse(lastSent().body), { Eligibility: "ineligible" });
    assert.equal(node.SchedulingEligibility, "ineligible");
  });

  test("purges a node, without a body", async () => {
    const { node, instance } = await raiseNode();
    assert.equal(await settle(nomad.purge(node.ID)), "done");
    assert.deepEqual([lastSent().path, lastSent().body], [`/v1/node/${node.ID}/purge`, ""]);
    assert.equal(bench.nomad.truth.node(instance.id), undefined);
  });

  test("to a node that is gone is answered 500, and means that there is none", async () => {
    const request = { deadlineSeconds: 1, ignoreSystemJobs: true, meta: {} };
    assert.equal(await settle(nomad.drain(nobody, request)), undefined);
    assert.equal(await settle(nomad.makeIneligible(nobody)), "no such node");
    assert.equal(await settle(nomad.purge(nobody)), "no such node");
  });

  test("that fails otherwise is no such answer", async () => {
    bench.meddle(({ method }) =>
      method === "PUT" ? { status: 500, body: "rpc error: EOF" } : undefined,
    );
    await assert.rejects(settle(nomad.purge(nobody)), {
      name: "ClusterFailure",
      kind: "unreachable",
    });
  });
});

describe("a node is found", () => {
  test("by its instance, in one call", async () => {
    const { instance, node } = await raiseNode();
    bench.operations();
    const [found] = await settle(nomad.findNodes(instance.id));
    assert.deepEqual([found?.ID, found?.Status, found?.Drain], [node.ID, "ready", false]);
    assert.deepEqual(bench.operations("nomad"), ["GET /v1/nodes"]);
  });

  test("by its name or meta where the fingerprinter lost its race", async () => {
    bench.nomad.addNode({ instanceId: "i-0a", address: "10.0.9.1", fingerprinted: false });
    bench.nomad.addNode({
      instanceId: "i-0b",
      name: "another",
      address: "10.0.9.2",
      fingerprinted: false,
      meta: { "instance-id": "i-0b" },
    });
    assert.equal((await settle(nomad.findNodes("i-0a"))).length, 1);
    assert.equal((await settle(nomad.findNodes("i-0b"))).length, 1);
    assert.equal((await settle(nomad.findNodes("i-0c"))).length, 0);
  });

  test("only by ids that are some: nothing gets into a filter or a path", async () => {
    for (const id of ['i-1" or true or Name == "', "n 1", "a?b", "%2e", ""]) {
      await assert.rejects(settle(nomad.findNodes(id)), TypeError);
      await assert.rejects(settle(nomad.readNode(id)), TypeError);
      await assert.rejects(settle(nomad.liveAllocations(id)), TypeError);
    }
    assert.deepEqual(bench.operations("nomad"), []);
  });

  test("or any other that runs on EC2 at all", async () => {
    assert.equal(await settle(nomad.knowsAnyInstance()), false);
    bench.nomad.addNode({ instanceId: "i-0a", address: "10.0.9.1", fingerprinted: false });
    assert.equal(await settle(nomad.knowsAnyInstance()), false);
    bench.nomad.addNode({ instanceId: "i-0b", address: "10.0.9.2" });
    assert.equal(await settle(nomad.knowsAnyInstance()), true);
  });

  test("with what is ineligible, for whoever counts drains", async () => {
    const { node } = await raiseNode();
    assert.deepEqual(await settle(nomad.ineligibleNodes()), []);
    await settle(
      nomad.drain(node.ID, { deadlineSeconds: 60, ignoreSystemJobs: true, meta: { a: "b" } }),
    );
    const [stub] = await settle(nomad.ineligibleNodes());
    assert.deepEqual([stub?.ID, stub?.Drain, stub?.LastDrain?.Meta], [node.ID, true, { a: "b" }]);
  });
});

describe("what runs on a node", () => {
  test("is asked for in all namespaces, only what is live", async () => {
    const { node } = await raiseNode();
    const { value, index } = await settle(nomad.liveAllocations(node.ID));
    assert.deepEqual([value.length, index > 0], [2, true]);
    assert.deepEqual(lastSent().query, {
      region: "global",
      namespace: "*",
      filter: `NodeID == "${node.ID}" and (ClientStatus == "pending" or ClientStatus == "running" or ClientStatus == "unknown")`,
    });
    assert.deepEqual(await settle(nomad.endedAllocations(node.ID)), []);
    bench.nomad.stopJob("web");
    await bench.until(() => bench.nomad.truth.liveTasks(node.ID) === 0);
    await bench.pass(2);
    assert.equal((await settle(nomad.endedAllocations(node.ID))).length, 2);
    assert.equal((await settle(nomad.liveAllocations(node.ID))).value.length, 0);
  });

  test("is waited for with an index and a span that has a unit", async () => {
    const { node } = await raiseNode();
    await bench.pass(30);
    const { index } = await settle(nomad.liveAllocations(node.ID));
    const began = bench.clock.now();
    await settle(nomad.liveAllocations(node.ID, { index, seconds: 50 }));
    assert.deepEqual([lastSent().query["index"], lastSent().query["wait"]], [String(index), "50s"]);
    const waited = (bench.clock.now() - began) / 1000;
    assert.ok(waited >= 50 && waited < 54, `${waited} s, with a sixteenth of jitter`);
  });

  test("of one node is waited for until it changes", async () => {
    const { node } = await raiseNode();
    const first = await settle(nomad.readNode(node.ID));
    assert.ok(first);
    const waiting = nomad.readNode(node.ID, { index: first.index, seconds: 50 });
    const began = bench.clock.now();
    bench.nomad.powerOff(node.ID);
    const second = await settle(waiting);
    assert.equal(second?.value.Status, "down");
    assert.ok(bench.clock.now() - began < 30_000);
  });
});

describe("what is missing", () => {
  test("is undefined, not an error", async () => {
    assert.equal(await settle(nomad.readNode(nobody)), undefined);
    assert.equal(await settle(nomad.readAllocation(nobody, "default")), undefined);
    assert.equal(await settle(nomad.readVolume("data[0]", "default")), undefined);
    assert.equal(lastSent().path, "/v1/volume/csi/data%5B0%5D");
    assert.equal(lastSent().query["namespace"], "default");
  });

  test("is not missing only because a proxy says so", async () => {
    bench.meddle(({ host }) =>
      host === "nomad.internal" ? { status: 404, body: "404 page not found" } : undefined,
    );
    await assert.rejects(settle(nomad.readNode(nobody)), { kind: "unreachable" });
  });
});

describe("the token", () => {
  test("knows itself and its policies", async () => {
    const token = await settle(nomad.ownToken());
    assert.deepEqual([token?.Type, token?.Policies], ["client", ["drover"]]);
    assert.equal((await settle(nomad.ownPolicy("drover")))?.Node?.Policy, "write");
  });

  test("may name a policy that nobody has written: it gives nothing", async () => {
    const secret = "nomad-token-of-drover";
    bench.nomad.acl.addToken({ secret, accessor: "a", policies: ["drover", "none"] });
    assert.equal(await settle(nomad.ownPolicy("none")), undefined);
    await assert.rejects(settle(nomad.ownPolicy("of-others")), { kind: "refused" });
  });

  test("has the policies of its roles", async () => {
    const id = "33333333-3333-4333-8333-333333333333";
    bench.nomad.acl.addRole(id, { name: "drainers", policies: ["drover"] });
    bench.nomad.acl.addToken({ secret: "nomad-token-of-drover", accessor: "a", roles: [id] });
    const [role] = (await settle(nomad.ownToken()))?.Roles ?? [];
    assert.equal(role?.ID, id);
    assert.deepEqual(await settle(nomad.policiesOfRole(id)), ["drover"]);
    const secret = "nomad-token-of-drover";
    bench.nomad.acl.addToken({ secret, accessor: "a", roles: [id, nobody] });
    assert.deepEqual(await settle(nomad.policiesOfRole(nobody)), []);
  });

  test("is none where ACLs are off", async () => {
    bench.meddle(({ path }) =>
      path === "/v1/acl/token/self" ? { status: 400, body: "ACL support disabled" } : undefined,
    );
    assert.equal(await settle(nomad.ownToken()), undefined);
  });
});

test("the servers are named with their addresses and versions", async () => {
  const servers = await settle(nomad.servers());
  assert.deepEqual(
    servers.map(({ Name, Addr, Status, Tags }) => [Name, Addr, Status, Tags["build"]])[0],
    ["nomad-server-1.global", "10.255.0.11", "alive", "1.6.1"],
  );
});

test("a region that nobody knows is out of reach", async () => {
  const env = { ...bench.surroundings.env, NOMAD_REGION: "nowhere" };
  const other = connectCluster({ ...bench.surroundings, env });
  const failure: unknown = await settle(other.nomad.findNodes("i-1")).catch(
    (error: unknown) => error,
  );
  assert.ok(failure instanceof ClusterFailure);
  assert.equal(failure.kind, "unreachable");
});
