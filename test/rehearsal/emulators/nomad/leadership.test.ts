import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { drainBody, startRegion } from "./region.ts";

describe("a Nomad region without a leader", () => {
  it("first fails to forward, then holds requests for five seconds", async () => {
    const region = startRegion();
    await region.addNodes(1);
    region.nomad.setLeader(undefined);
    const early = await region.call("GET", "/v1/nodes");
    assert.deepEqual([early.status, early.text], [500, "rpc error: EOF"]);
    await region.clock.pass(3);
    const began = region.clock.now();
    const late = await region.call("PUT", `/v1/node/${"0".repeat(36)}/purge`);
    assert.deepEqual([late.status, late.text], [500, "No cluster leader"]);
    const held = region.clock.now() - began;
    assert.ok(held >= 5000 && held < 5100);
  });

  it("answers stale reads, and believes in the leader for two seconds more", async () => {
    const region = startRegion();
    await region.addNodes(1);
    region.nomad.setLeader(undefined);
    const early = await region.call("GET", "/v1/nodes?stale");
    assert.equal(early.status, 200);
    assert.equal(early.headers.get("x-nomad-knownleader"), "true");
    await region.clock.pass(3);
    const late = await region.call("GET", "/v1/nodes?stale=true");
    assert.equal(late.headers.get("x-nomad-knownleader"), "false");
    assert.ok(Number(late.headers.get("x-nomad-lastcontact")) >= 3000);
  });

  it("answers what it holds once there is a leader again", async () => {
    const region = startRegion();
    region.nomad.setLeader(undefined);
    await region.clock.pass(3);
    const held = region.send("GET", "/v1/nodes");
    await region.clock.pass(2);
    region.nomad.setLeader("server-1");
    assert.equal((await region.clock.until(held)).status, 200);
  });

  it("ends blocking reads", async () => {
    const region = startRegion();
    const [node] = await region.addNodes(1);
    const held = region.send("GET", `/v1/node/${node}?index=9999&wait=60s`);
    await region.clock.pass(5);
    region.nomad.setLeader(undefined);
    const answer = await region.clock.until(held);
    assert.deepEqual([answer.status, answer.text], [500, "rpc error: EOF"]);
  });

  it("goes on with a drain under the next leader", async () => {
    const region = startRegion();
    const [node] = await region.addNodes(1);
    region.nomad.runJob({
      id: "batch",
      type: "batch",
      groups: [{ tasks: [{ runSeconds: 20 }] }],
    });
    await region.clock.when(() => region.running("batch").length === 1);
    await region.call("PUT", `/v1/node/${node}/drain`, drainBody(600));
    region.nomad.setLeader(undefined);
    await region.clock.pass(40);
    assert.ok(region.nomad.truth.node(node!)?.DrainStrategy);
    assert.equal(region.nomad.truth.liveTasks(node!), 0, "machines need no leader");
    region.nomad.setLeader("server-1");
    await region.clock.pass(5);
    assert.equal(region.nomad.truth.node(node!)?.DrainStrategy, null);
  });

  it("takes a dead node for ready up to five minutes after an election", async () => {
    const region = startRegion();
    const [node] = await region.addNodes(1);
    region.nomad.powerOff(node!);
    await region.clock.pass(5);
    region.nomad.setLeader(undefined);
    await region.clock.pass(5);
    region.nomad.setLeader("server-1");
    const took = await region.clock.when(() => region.nomad.truth.node(node!)?.Status === "down");
    assert.ok(took > 299 && took < 301, `down after ${took} s`);
  });

  it("registers a new client once there is a leader", async () => {
    const region = startRegion();
    region.nomad.setLeader(undefined);
    const node = region.nomad.addNode({ instanceId: "i-1", address: "10.0.1.1" });
    await region.clock.pass(10);
    assert.equal(region.nomad.truth.node(node), undefined);
    region.nomad.setLeader("server-1");
    await region.clock.pass(1);
    assert.equal(region.nomad.truth.node(node)?.Status, "ready");
  });
});
