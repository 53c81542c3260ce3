import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { drainBody, startRegion } from "./region.ts";

describe("scheduling in an emulated region", () => {
  it("places nothing beyond a node's capacity, and the rest when there is room", async () => {
    const region = startRegion();
    await region.addNodes(2, { capacity: 3 });
    region.nomad.runJob({ id: "web", groups: [{ count: 8 }] });
    await region.clock.pass(5);
    assert.equal(region.running("web").length, 6);
    assert.ok(region.nomad.truth.isBlocked("web"));
    await region.addNodes(1, { capacity: 3 });
    await region.clock.pass(5);
    assert.equal(region.running("web").length, 8);
    assert.ok(!region.nomad.truth.isBlocked("web"));
  });

  it("places on the nodes of the job's pool alone", async () => {
    const region = startRegion();
    const [worker] = await region.addNodes(1, { pool: "workers" });
    await region.addNodes(1, { pool: "others" });
    region.nomad.runJob({ id: "web", pool: "workers", groups: [{ count: 3 }] });
    await region.clock.pass(3);
    assert.equal(region.nomad.truth.allocations(worker!).length, 3);
  });

  it("spreads allocations that must not share a node", async () => {
    const region = startRegion();
    await region.addNodes(3);
    region.nomad.runJob({ id: "web", distinctHosts: true, groups: [{ count: 5 }] });
    await region.clock.pass(3);
    const nodes = region.running("web").map((alloc) => alloc.NodeID);
    assert.equal(nodes.length, 3);
    assert.equal(new Set(nodes).size, 3);
  });

  it("puts nothing on cordoned nodes, and looks again when they are freed", async () => {
    const region = startRegion();
    const [node] = await region.addNodes(1);
    const set = (Eligibility: string) =>
      region.call("PUT", `/v1/node/${node}/eligibility`, { Eligibility });
    await set("ineligible");
    region.nomad.runJob({ id: "web" });
    region.nomad.runJob({ id: "logs", type: "system" });
    await region.clock.pass(5);
    assert.equal(region.running("web").length, 0);
    assert.equal(region.running("logs").length, 0);
    await set("eligible");
    await region.clock.pass(3);
    assert.equal(region.running("web").length, 1);
    assert.equal(region.running("logs").length, 1);
  });

  it("runs a system job on each node, also on later ones, and a sysbatch job once", async () => {
    const region = startRegion();
    await region.addNodes(2);
    region.nomad.runJob({ id: "logs", type: "system" });
    region.nomad.runJob({
      id: "once",
      type: "sysbatch",
      groups: [{ tasks: [{ runSeconds: 2 }] }],
    });
    await region.clock.pass(5);
    await region.addNodes(1);
    await region.clock.pass(10);
    assert.equal(region.running("logs").length, 3);
    const statuses = region.nomad.truth.allocationsOf("once").map((one) => one.ClientStatus);
    assert.deepEqual(statuses, ["complete", "complete", "complete"]);
  });

  it("does not run finished batch work again, but what failed after a while", async () => {
    const region = startRegion();
    await region.addNodes(1);
    region.nomad.runJob({ id: "good", type: "batch", groups: [{ tasks: [{ runSeconds: 1 }] }] });
    region.nomad.runJob({
      id: "bad",
      type: "batch",
      groups: [{ tasks: [{ runSeconds: 1, fails: true }] }],
    });
    await region.clock.pass(4);
    assert.equal(region.nomad.truth.allocationsOf("bad").length, 1);
    await region.clock.pass(8);
    assert.equal(region.nomad.truth.allocationsOf("good").length, 1);
    const [first, second] = region.nomad.truth.allocationsOf("bad");
    assert.equal(first!.NextAllocation, second!.ID);
  });

  it("stops a job without forgetting it", async () => {
    const region = startRegion();
    const [node] = await region.addNodes(1);
    region.nomad.runJob({ id: "web" });
    await region.clock.pass(3);
    region.nomad.stopJob("web");
    await region.clock.pass(3);
    assert.equal(region.nomad.truth.liveTasks(node!), 0);
    assert.equal((await region.call("GET", "/v1/job/web")).status, 200);
    region.nomad.purgeJob("web");
    assert.equal((await region.call("GET", "/v1/job/web")).status, 404);
  });
});

describe("max_parallel of two nodes that drain at once", () => {
  /** Fewest allocations that ran, and how long the drains were open. */
  const drainTwo = async (
    maxParallel: "kept" | "raced" | "ignored",
    jobs: readonly string[],
    seed: number,
  ) => {
    const region = startRegion({ maxParallel, seed });
    const old = await region.addNodes(2);
    for (const id of jobs) {
      region.nomad.runJob({
        id,
        distinctHosts: true,
        groups: [{ count: 2, startSeconds: 0.5, migrate: { minHealthySeconds: 2 } }],
      });
    }
    await region.clock.pass(5);
    await region.addNodes(2);
    const began = region.clock.now();
    for (const node of old) await region.call("PUT", `/v1/node/${node}/drain`, drainBody(60));
    let fewest = 2;
    const isOpen = () => old.some((node) => region.nomad.truth.node(node)?.DrainStrategy);
    while (isOpen()) {
      await region.clock.pass(0.05);
      for (const job of jobs) {
        const running = region.nomad.truth
          .allocationsOf(job)
          .filter((alloc) => alloc.ClientStatus === "running");
        fewest = Math.min(fewest, running.length);
      }
    }
    const left = old.flatMap((node) => region.nomad.truth.allocations(node));
    assert.ok(left.every((alloc) => alloc.ClientStatus === "complete"));
    return { fewest, seconds: (region.clock.now() - began) / 1000 };
  };
  const SEEDS = [1, 2, 3, 4, 5, 6];
  const drainAll = (maxParallel: "kept" | "raced" | "ignored", jobs: readonly string[]) =>
    Promise.all(SEEDS.map((seed) => drainTwo(maxParallel, jobs, seed)));

  it("holds for one job, in the old versions too", async () => {
    for (const mode of ["kept", "raced"] as const) {
      for (const { fewest, seconds } of await drainAll(mode, ["web"])) {
        assert.ok(fewest >= 1);
        assert.ok(seconds < 10, `${mode}: ${seconds} s`);
      }
    }
  });

  it("is raced by a second job, and drains are left open though nothing is left", async () => {
    const ends = await drainAll("raced", ["web", "api"]);
    assert.ok(ends.some(({ seconds }) => seconds > 60));
  });

  it("can be ignored altogether, for the worst case", async () => {
    const ends = await drainAll("ignored", ["web"]);
    assert.ok(ends.every(({ fewest }) => fewest === 0));
  });
});
