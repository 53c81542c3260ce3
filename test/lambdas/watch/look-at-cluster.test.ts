import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { LookAtCluster, Mark } from "../../../lambdas/watch/reconciliation.ts";
import * as lookAtCluster from "../../../lambdas/watch/look-at-cluster.ts";
import { type Bench, startBench } from "../bench.ts";
import { raiseGroup } from "../pool.ts";
import { markOf } from "./looks.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const look = (marks: readonly Mark[] = [], inService = 2) =>
  bench.call<LookAtCluster>(lookAtCluster, { marks, inService });
/** Two machines; the first has lost its power, and both have noticed. */
const loseOne = async () => {
  const [lost, living] = await raiseGroup(bench);
  assert.ok(lost && living);
  bench.nomad.powerOff(lost.id);
  bench.consul.powerOff(lost.id);
  await bench.until(() => bench.nomad.truth.node(lost.id)?.Status === "down");
  bench.operations();
  return { lost, living, nodeId: bench.nomad.truth.node(lost.id)!.ID };
};

describe("a node that is down", () => {
  test("is told with its instance and its member, and only read", async () => {
    const { lost, nodeId } = await loseOne();
    assert.deepEqual(await look(), {
      down: [{ instanceId: lost.id, nodeId, name: lost.id, member: lost.id }],
      marks: [],
      unknown: [],
    });
    const calls = bench.operations("internal");
    assert.ok(calls.every((each) => each.startsWith("GET ")));
    // Servers, whether there are instances at all, which are down; then two for each.
    assert.equal(calls.length, 5, calls.join(", "));
  });

  test("is none of an instance of EC2 and so not told", async () => {
    await loseOne();
    bench.nomad.addNode({
      instanceId: "i-0000000000000000f",
      address: "10.0.9.1",
      fingerprinted: false,
    });
    await bench.pass(5);
    bench.nomad.powerOff("i-0000000000000000f");
    await bench.pass(60);
    assert.equal((await look()).down.length, 1);
  });

  test("is told as a server where it is one", async () => {
    const { lost } = await loseOne();
    bench.nomad.addServer({ name: "nomad-server-4", address: lost.privateIp });
    const [down] = (await look()).down;
    assert.match(down?.server ?? "", /Nomad's server nomad-server-4/);
  });
});

describe("what a retirement has left", () => {
  test("is the member, where Nomad has forgotten its node", async () => {
    const { lost, nodeId } = await loseOne();
    await bench.settle(bench.park.operate(`/v1/node/${nodeId}/purge`, {}));
    const [seen] = (await look([markOf(lost.id)])).marks;
    assert.deepEqual([seen?.nodeId, seen?.inConsul, seen?.member], [undefined, true, lost.id]);
  });

  test("is nothing, where nobody knows it", async () => {
    await loseOne();
    const [seen] = (await look([markOf("i-0000000000000000e")])).marks;
    assert.deepEqual([seen?.nodeId, seen?.inConsul], [undefined, false]);
  });

  test("is its cordon, where it stays", async () => {
    const { living } = await loseOne();
    const { ID } = bench.nomad.truth.node(living.id)!;
    const cordonedAt = new Date(bench.clock.now()).toISOString();
    await bench.settle(
      bench.park.operate(`/v1/node/${ID}/eligibility`, { Eligibility: "ineligible" }),
    );
    const marks = [
      markOf(living.id, { where: "staying", cordonedAt }),
      markOf(living.id, { where: "staying" }),
    ];
    const seen = (await look(marks)).marks;
    assert.deepEqual(
      seen.map(({ nodeId, status, cordon }) => [nodeId, status, cordon]),
      [
        [ID, "ready", "ours"],
        [ID, "ready", "theirs"],
      ],
    );
  });
});

describe("who does not answer", () => {
  test("leaves everything unknown, when it is Nomad", async () => {
    const { lost } = await loseOne();
    bench.nomad.setOutage("refused");
    const { down, marks, unknown } = await look([markOf(lost.id)]);
    assert.deepEqual([down, marks], [[], []]);
    assert.match(JSON.stringify(unknown), /Nomad/);
  });

  test("leaves everything unknown, when it has no leader", async () => {
    const { lost } = await loseOne();
    bench.nomad.setLeader(undefined);
    const { down, marks, unknown } = await look([markOf(lost.id)]);
    assert.deepEqual([down, marks], [[], []]);
    assert.ok(unknown.length > 0);
  });

  test("leaves nothing to be told of a node, when it is Consul: it may be a server", async () => {
    const { lost } = await loseOne();
    bench.consul.setOutage("refused");
    const { down, marks, unknown } = await look([markOf(lost.id)]);
    assert.deepEqual([down, marks], [[], []]);
    assert.match(JSON.stringify(unknown), /Consul/);
  });

  test("keeps nothing from the others, when it is about one", async () => {
    const { lost, living, nodeId } = await loseOne();
    bench.meddle(({ path }) => (path === `/v1/node/${nodeId}` ? { status: 500 } : undefined));
    const { down, marks, unknown } = await look([
      markOf(lost.id),
      markOf(living.id, { where: "staying" }),
    ]);
    assert.deepEqual(down, []);
    assert.deepEqual(
      marks.map(({ instanceId }) => instanceId),
      [living.id],
    );
    assert.ok(unknown.length > 0);
  });

  test("is not believed, when it knows no instance at all and there are some", async () => {
    await raiseGroup(bench);
    bench.meddle(({ path }) => (path === "/v1/nodes" ? { status: 200, body: "[]" } : undefined));
    const { marks, unknown } = await look([markOf("i-0000000000000000e")]);
    assert.deepEqual(marks, []);
    assert.match(
      JSON.stringify(unknown),
      /Nomad knows no EC2 instance at all, and 2 are in service/,
    );
    assert.equal((await look([markOf("i-0000000000000000e")], 0)).marks.length, 1);
  });
});
