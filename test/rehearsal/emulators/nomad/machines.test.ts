import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { drainBody, startRegion } from "./region.ts";

describe("machines of an emulated region", () => {
  it("kills what runs on them when they lose power, and says so", async () => {
    const region = startRegion();
    const [node] = await region.addNodes(1);
    region.nomad.runJob({ id: "web", groups: [{ count: 2 }] });
    await region.clock.when(() => region.running("web").length === 2);
    assert.equal(region.nomad.truth.liveTasks("i-1"), 2);
    region.nomad.powerOff("i-1");
    assert.equal(region.nomad.truth.liveTasks(node!), 0);
    assert.equal(region.nomad.truth.losses.killedTasks.length, 2);
    const took = await region.clock.when(() => region.nomad.truth.node(node!)?.Status === "down");
    assert.ok(took >= 22 && took <= 27, `down after ${took} s`);
    await region.clock.pass(1);
    assert.ok(region.nomad.truth.allocations(node!).every((one) => one.ClientStatus === "lost"));
    assert.equal(region.nomad.truth.node("i-1")?.SchedulingEligibility, "eligible");
  });

  it("lose nothing when they are empty", async () => {
    const region = startRegion();
    const [node] = await region.addNodes(2);
    region.nomad.runJob({ id: "web", groups: [{ count: 1, migrate: { minHealthySeconds: 1 } }] });
    await region.clock.pass(5);
    await region.call("PUT", `/v1/node/${node}/drain`, drainBody(60));
    await region.clock.when(() => !region.nomad.truth.node(node!)?.DrainStrategy);
    region.nomad.powerOff(node!);
    assert.deepEqual(region.nomad.truth.losses.killedTasks, []);
  });

  it("run on behind a broken network, are replaced, and give way when it is mended", async () => {
    const region = startRegion();
    const [first] = await region.addNodes(1);
    region.nomad.runJob({ id: "web" });
    await region.clock.when(() => region.running("web").length === 1);
    const [second] = await region.addNodes(1);
    region.nomad.disconnect(first!);
    await region.clock.pass(35);
    assert.equal(region.nomad.truth.liveTasks(first!), 1, "the task does not know");
    assert.equal(region.nomad.truth.liveTasks(second!), 1, "its replacement runs");
    const [lost] = region.nomad.truth.allocations(first!);
    assert.equal(lost!.ClientStatus, "lost");
    region.nomad.reconnect(first!);
    await region.clock.when(() => lost!.ClientStatus === "running");
    await region.clock.when(() => lost!.ClientStatus === "complete");
    assert.equal(region.nomad.truth.liveTasks(first!), 0);
    assert.equal(region.running("web").length, 1);
    assert.equal(region.nomad.truth.node(first!)?.Status, "ready");
  });

  it("pull the data of a migrating disk from the old machine while it lives", async () => {
    const region = startRegion();
    const [from] = await region.addNodes(1);
    region.nomad.runJob({
      id: "db",
      groups: [
        {
          migrate: { minHealthySeconds: 1 },
          ephemeralDisk: { migrate: true, pullSeconds: 30 },
        },
      ],
    });
    await region.clock.pass(5);
    const [to] = await region.addNodes(1);
    await region.call("PUT", `/v1/node/${from}/drain`, drainBody(300));
    const drained = await region.clock.when(() => !region.nomad.truth.node(from!)?.DrainStrategy);
    assert.ok(drained < 5, "the drain does not wait for the data");
    const [next] = region.nomad.truth.allocations(to!);
    assert.equal(next!.ClientStatus, "pending");
    const pulled = await region.clock.when(() => next!.ClientStatus === "running");
    assert.ok(pulled > 25);
    assert.deepEqual(region.nomad.truth.losses.emptyStarts, []);
  });

  it("start empty when the old machine is gone too early", async () => {
    const region = startRegion();
    const [from] = await region.addNodes(1);
    region.nomad.runJob({
      id: "db",
      groups: [
        {
          migrate: { minHealthySeconds: 1 },
          ephemeralDisk: { migrate: true, pullSeconds: 30 },
        },
      ],
    });
    await region.clock.pass(5);
    const [to] = await region.addNodes(1);
    await region.call("PUT", `/v1/node/${from}/drain`, drainBody(300));
    await region.clock.when(() => !region.nomad.truth.node(from!)?.DrainStrategy);
    await region.clock.pass(10);
    region.nomad.powerOff(from!);
    const [next] = region.nomad.truth.allocations(to!);
    await region.clock.when(() => next!.ClientStatus === "running");
    assert.deepEqual(
      region.nomad.truth.losses.emptyStarts.map(({ allocId }) => allocId),
      [next!.ID],
    );
  });

  it("come back within 12 s of a purge where there are no ACLs", async () => {
    const region = startRegion();
    const [node] = await region.addNodes(1);
    region.nomad.runJob({ id: "logs", type: "system" });
    await region.clock.when(() => region.running("logs").length === 1);
    await region.call("PUT", `/v1/node/${node}/eligibility`, { Eligibility: "ineligible" });
    await region.call("PUT", `/v1/node/${node}/purge`);
    const took = await region.clock.when(() => region.nomad.truth.node(node!)?.Status === "ready");
    assert.ok(took <= 12.5, `back after ${took} s`);
    assert.equal(region.nomad.truth.node(node!)?.SchedulingEligibility, "eligible");
    await region.clock.pass(10);
    assert.equal(region.running("logs").length, 1);
    assert.equal(region.nomad.truth.liveTasks(node!), 1);
  });

  it("run on unseen where ACLs refuse the heartbeats of a purged client", async () => {
    const fates = new Set<string>();
    for (let seed = 1; seed <= 8; seed += 1) {
      const region = startRegion({ seed, purgedReturn: "by fingerprint" });
      const [node] = await region.addNodes(1);
      region.nomad.runJob({ id: "logs", type: "system" });
      await region.clock.when(() => region.running("logs").length === 1);
      await region.call("PUT", `/v1/node/${node}/purge`);
      await region.clock.pass(14);
      assert.equal(region.nomad.truth.node(node!), undefined);
      await region.clock.pass(600);
      fates.add(region.nomad.truth.node(node!) ? "came back" : "unseen");
      assert.equal(region.nomad.truth.liveTasks(node!), 1);
    }
    assert.deepEqual([...fates].sort(), ["came back", "unseen"]);
  });

  it("pin the claim of a volume when their node is purged before it is released", async () => {
    const claims = async (purge: boolean) => {
      const region = startRegion();
      const [node] = await region.addNodes(1);
      region.nomad.addVolume("data");
      region.nomad.runJob({
        id: "db",
        groups: [{ volume: "data", migrate: { minHealthySeconds: 1 } }],
      });
      await region.clock.pass(5);
      const list = `/v1/volumes?type=csi&namespace=*&node_id=${node}`;
      assert.equal(JSON.parse((await region.call("GET", list)).text).length, 1);
      await region.call("PUT", `/v1/node/${node}/drain`, drainBody(60));
      await region.clock.when(() => !region.nomad.truth.node(node!)?.DrainStrategy);
      assert.deepEqual(JSON.parse((await region.call("GET", list)).text), [], "no longer listed");
      region.nomad.powerOff(node!);
      if (purge) await region.call("PUT", `/v1/node/${node}/purge`);
      await region.clock.pass(60);
      const volume = JSON.parse((await region.call("GET", "/v1/volume/csi/data")).text);
      return volume.Allocations.map((alloc: { NodeID: string }) => alloc.NodeID === node);
    };
    assert.deepEqual(await claims(false), []);
    assert.deepEqual(await claims(true), [true]);
  });
});
