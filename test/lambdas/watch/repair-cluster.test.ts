import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { drainMark } from "../../../lambdas/retire/drain-mark.ts";
import type { Repair, ToForget } from "../../../lambdas/watch/reconciliation.ts";
import * as repairCluster from "../../../lambdas/watch/repair-cluster.ts";
import { type Bench, startBench } from "../bench.ts";
import { executionArnOf } from "../executions.ts";
import { raiseGroup } from "../pool.ts";
import { markOf, planWith } from "./looks.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const repair = (plan: Parameters<typeof planWith>[0]) =>
  bench.call<Repair[]>(repairCluster, { plan: planWith(plan) });
const outcomes = (repairs: readonly Repair[]) => repairs.map(({ outcome }) => outcome);
const isRemembered = (id: string) =>
  bench.nomad.truth.node(id) !== undefined || bench.consul.truth.remembers(id);
const writes = () => bench.operations("internal").filter((each) => !each.startsWith("GET "));

/** Machines that have ended, and that both remember. */
const lose = async (count = 1, before?: () => Promise<void>): Promise<ToForget[]> => {
  const machines = (await raiseGroup(bench, { desired: count + 1 })).slice(0, count);
  await before?.();
  for (const { id } of machines) {
    bench.nomad.powerOff(id);
    bench.consul.powerOff(id);
  }
  await bench.until(() =>
    machines.every(
      ({ id }) =>
        bench.nomad.truth.node(id)?.Status === "down" && bench.consul.truth.member(id) === "failed",
    ),
  );
  bench.operations();
  return machines.map(({ id }) => ({
    instanceId: id,
    execution: executionArnOf(`retire-${id}`),
    nodeId: bench.nomad.truth.node(id)!.ID,
    member: id,
    why: "It has ended.",
  }));
};

describe("what has ended", () => {
  test("is forgotten by both, and a second time without harm", async () => {
    const forget = await lose(2);
    const done = await repair({ forget });
    assert.deepEqual(outcomes(done), ["repaired", "repaired"]);
    assert.match(done[0]?.why ?? "", /It has ended\. Nomad: purged; Consul: deregistered\./);
    assert.ok(!forget.some(({ instanceId }) => isRemembered(instanceId)));
    assert.deepEqual(outcomes(await repair({ forget })), ["repaired", "repaired"]);
  });

  test("is forgotten by Consul alone, where only Consul remembers it", async () => {
    const [lost] = await lose();
    assert.ok(lost?.nodeId);
    await bench.settle(bench.park.operate(`/v1/node/${lost.nodeId}/purge`, {}));
    const { nodeId: _, ...inConsul } = lost;
    bench.operations();
    assert.deepEqual(outcomes(await repair({ forget: [inConsul] })), ["repaired"]);
    assert.deepEqual(writes(), [
      `PUT /v1/agent/force-leave/${lost.member}`,
      "PUT /v1/catalog/deregister",
    ]);
    assert.equal(isRemembered(lost.instanceId), false);
  });

  test("is left alone when its node lives again", async () => {
    const [living] = await raiseGroup(bench);
    assert.ok(living);
    const { ID: nodeId } = bench.nomad.truth.node(living.id)!;
    const { id: instanceId } = living;
    const each = { instanceId, execution: "one", nodeId, member: instanceId, why: "It was down." };
    bench.operations();
    const [done] = await repair({ forget: [each] });
    assert.deepEqual([done?.outcome, done?.why], ["left", "Its node is ready again."]);
    assert.deepEqual(writes(), []);
  });

  test("stays in Nomad while one of its volumes is not released, and goes once it is", async () => {
    const [lost] = await lose(1, async () => {
      bench.nomad.addVolume("disk", { releaseSeconds: 900 });
      bench.nomad.runJob({
        id: "stored",
        distinctHosts: true,
        groups: [{ count: 2, size: 0, volume: "disk" }],
      });
      await bench.until(() => {
        const [first] = bench.autoScaling.instances("workers");
        return bench.nomad.truth.claims(bench.nomad.truth.node(first!.id)!.ID).length > 0;
      });
    });
    assert.ok(lost?.nodeId);
    assert.ok(bench.nomad.truth.claims(lost.nodeId).length > 0);
    const [left] = await repair({ forget: [lost] });
    assert.equal(left?.outcome, "left");
    assert.match(left?.why ?? "", /Nomad: left to garbage collection; Consul: deregistered/);
    assert.ok(!writes().some((each) => each.endsWith("/purge")));
    await bench.until(() => bench.nomad.truth.claims(lost.nodeId!).length === 0);
    assert.deepEqual(outcomes(await repair({ forget: [lost] })), ["repaired"]);
    assert.equal(isRemembered(lost.instanceId), false);
  });

  test("stays in Nomad for a volume that was noted at its cordon, and whose allocation is gone", async () => {
    const [lost] = await lose();
    assert.ok(lost);
    const claimed = { ID: "data", Namespace: "default", Allocations: [{ NodeID: lost.nodeId }] };
    bench.meddle(({ path }) =>
      path === "/v1/volume/csi/data" ? { status: 200, body: JSON.stringify(claimed) } : undefined,
    );
    const volumes = [{ id: "data", namespace: "default" }];
    assert.deepEqual(outcomes(await repair({ forget: [{ ...lost, volumes }] })), ["left"]);
    assert.notEqual(bench.nomad.truth.node(lost.instanceId), undefined);
  });

  test("that cannot be forgotten keeps nothing from the others", async () => {
    const forget = await lose(2);
    bench.meddle(({ path }) =>
      path.includes(forget[0]!.member!) ? { status: 500, body: "rpc error" } : undefined,
    );
    assert.deepEqual(outcomes(await repair({ forget })), ["failed", "repaired"]);
    assert.deepEqual(
      forget.map(({ instanceId }) => isRemembered(instanceId)),
      [true, false],
    );
  });

  test("is not forgotten with a token that would not see its volumes", async () => {
    const forget = await lose();
    bench.nomad.acl.addPolicy("drover", { node: "write", namespaces: {} });
    const [done] = await repair({ forget });
    assert.equal(done?.outcome, "failed");
    assert.match(done?.why ?? "", /its policy lacks/);
    assert.deepEqual(writes(), []);
  });
});

describe("a node that stays", () => {
  const begin = async (drainFor?: (execution: string) => string) => {
    const [instance] = await raiseGroup(bench);
    assert.ok(instance);
    const { ID: nodeId } = bench.nomad.truth.node(instance.id)!;
    const cordonedAt = new Date(bench.clock.now()).toISOString();
    const mark = markOf(instance.id, { where: "staying", cordonedAt });
    const Eligibility = "ineligible";
    await bench.settle(bench.park.operate(`/v1/node/${nodeId}/eligibility`, { Eligibility }));
    if (drainFor) {
      const Meta = drainMark(drainFor(mark.execution), "work");
      const DrainSpec = { Deadline: 600e9, IgnoreSystemJobs: true };
      await bench.settle(bench.park.operate(`/v1/node/${nodeId}/drain`, { DrainSpec, Meta }));
    }
    bench.operations();
    return { id: instance.id, mark, nodeId, giveBack: [{ mark, nodeId, why: "We did it." }] };
  };
  const node = (id: string) => bench.nomad.truth.node(id)!;

  test("takes work again", async () => {
    const { id, giveBack } = await begin();
    const [done] = await repair({ giveBack });
    assert.deepEqual([done?.outcome, done?.why], ["repaired", "We did it. It takes work again."]);
    assert.equal(node(id).SchedulingEligibility, "eligible");
  });

  test("drains no more", async () => {
    const { id, giveBack } = await begin((execution) => execution);
    assert.deepEqual(outcomes(await repair({ giveBack })), ["repaired"]);
    assert.equal(node(id).DrainStrategy, null);
    assert.equal(node(id).SchedulingEligibility, "eligible");
  });

  test("is left to another execution that drains it", async () => {
    const { id, giveBack } = await begin((execution) => `${execution}-too`);
    assert.deepEqual(outcomes(await repair({ giveBack })), ["left"]);
    assert.deepEqual(writes(), []);
    assert.equal(node(id).SchedulingEligibility, "ineligible");
  });

  test("is left as it is when a person has touched it since the plan was made", async () => {
    const { id, nodeId, giveBack } = await begin();
    for (const Eligibility of ["eligible", "ineligible"])
      await bench.settle(bench.park.operate(`/v1/node/${nodeId}/eligibility`, { Eligibility }));
    bench.operations();
    assert.deepEqual(outcomes(await repair({ giveBack })), ["left"]);
    assert.deepEqual(writes(), []);
    assert.equal(node(id).SchedulingEligibility, "ineligible");
  });

  test("is left alone when Nomad does not know it any more", async () => {
    const { nodeId, giveBack } = await begin();
    await bench.settle(bench.park.operate(`/v1/node/${nodeId}/purge`, {}));
    const [done] = await repair({ giveBack });
    assert.match(done?.why ?? "", /does not know its node any more/);
  });
});

test("an outage of Nomad leaves everything for the next run", async () => {
  const forget = await lose();
  bench.nomad.setOutage("refused");
  await assert.rejects(repair({ forget }), { name: "ClusterUnavailable" });
  bench.nomad.setOutage(undefined);
  assert.ok(isRemembered(forget[0]!.instanceId));
});
