import assert from "node:assert/strict";
import {
  allocationsOfJob,
  allocationsOn,
  awaitDrained,
  awaitRunning,
  drain,
  eventually,
  readAllocation,
  readNode,
  type NodeView,
} from "./nomad-target.ts";
import type { Case } from "./nomad-reads.ts";

export const lifeCases: Record<string, Case> = {
  "notices a dead client by its silence and gives its work up as lost": async (target, pool) => {
    const [one, other] = [await target.addNode(pool), await target.addNode(pool)];
    await target.runJob({ id: `${pool}-s`, pool });
    const [alloc] = await awaitRunning(target, `${pool}-s`);
    const [dead, alive] = alloc!.NodeID === one.nodeId ? [one, other] : [other, one];
    const began = target.seconds();
    await target.powerOff(dead.instanceId);
    const [least, most] = target.silence;
    const node = await eventually(target, "the node is down", most + 1, async () => {
      const read = await readNode(target, dead.nodeId);
      return read.Status === "down" && read;
    });
    const took = target.seconds() - began;
    assert.ok(took >= least, `down after ${took} s`);
    assert.equal(node.SchedulingEligibility, "eligible");
    assert.equal(node.Events.at(-1)?.Message, "Node heartbeat missed");
    await eventually(target, "its allocation is lost", 5, async () => {
      const read = await readAllocation(target, alloc!.ID);
      return read.ClientStatus === "lost" && read.DesiredStatus === "stop";
    });
    await eventually(target, "the work goes on elsewhere", 10, async () =>
      (await allocationsOn(target, alive.nodeId)).some((next) => next.ClientStatus === "running"),
    );
    await drain(target, dead.nodeId, { seconds: 60 });
    await awaitDrained(target, dead.nodeId, 2);

    assert.equal((await target.call("PUT", `/v1/node/${dead.nodeId}/purge`)).status, 200);
    assert.equal((await target.call("GET", `/v1/node/${dead.nodeId}`)).status, 404);
    const remembered = await allocationsOn(target, dead.nodeId);
    assert.equal(remembered.length, 1, "the allocations of a purged node are still listed");
    await target.pause(15);
    assert.equal((await target.call("GET", `/v1/node/${dead.nodeId}`)).status, 404);
  },

  "a drain of a machine that dies ends when its silence is noticed": async (target, pool) => {
    const { nodeId, instanceId } = await target.addNode(pool);
    await target.runJob({ id: `${pool}-b`, pool, type: "batch" });
    await awaitRunning(target, `${pool}-b`);
    await drain(target, nodeId, { seconds: 300 });
    await target.pause(1);
    await target.powerOff(instanceId);
    const began = target.seconds();
    const node = await awaitDrained(target, nodeId, target.silence[1] + 5);
    assert.ok(target.seconds() - began >= target.silence[0] - 0.5);
    assert.equal(node.Status, "down");
    const [alloc] = await allocationsOn(target, nodeId);
    assert.equal(alloc!.ClientStatus, "lost");
  },

  "a purged node whose agent lives comes back eligible and without its past": async (
    target,
    pool,
  ) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({ id: `${pool}-s`, pool, type: "system" });
    await awaitRunning(target, `${pool}-s`);
    await drain(target, nodeId, { seconds: 60, ignoreSystemJobs: true });
    await awaitDrained(target, nodeId, 5);
    const before = await readNode(target, nodeId);
    assert.equal(before.SchedulingEligibility, "ineligible");
    assert.equal((await target.call("PUT", `/v1/node/${nodeId}/purge`)).status, 200);
    const node = await eventually(target, "the node is back", 25, async () => {
      const answer = await target.call("GET", `/v1/node/${nodeId}`);
      const read = answer.status === 200 && answer.json<NodeView>();
      return read && read.Status === "ready" && read;
    });
    assert.equal(node.SchedulingEligibility, "eligible");
    assert.equal(node.LastDrain, null);
    assert.equal(node.Events[0]?.Message, "Node registered");
    await eventually(target, "it takes work again", 15, async () =>
      (await allocationsOfJob(target, `${pool}-s`)).some(
        (alloc) => alloc.ClientStatus === "running" && alloc.DesiredStatus === "run",
      ),
    );
  },

  "two nodes that drain at once": async (target, pool) => {
    const first = await target.addNode(pool);
    await target.runJob({
      id: `${pool}-s`,
      pool,
      groups: [{ count: 2, migrate: { minHealthySeconds: 2 } }],
    });
    await awaitRunning(target, `${pool}-s`, 2);
    await target.pause(2.5);
    const second = await target.addNode(pool);
    await drain(target, first.nodeId, { seconds: 60 });
    // One has moved to the second node, the other is about to.
    await eventually(target, "one has moved", 20, async () =>
      (await allocationsOn(target, second.nodeId)).some(
        (alloc) => alloc.ClientStatus === "running",
      ),
    );
    await target.call("PUT", `/v1/node/${first.nodeId}/drain`, {
      body: { DrainSpec: null, MarkEligible: false },
    });
    await target.pause(3);
    await target.addNode(pool);
    await target.addNode(pool);
    await Promise.all([
      drain(target, first.nodeId, { seconds: 60 }),
      drain(target, second.nodeId, { seconds: 60 }),
    ]);
    await Promise.all([
      awaitDrained(target, first.nodeId, 40),
      awaitDrained(target, second.nodeId, 40),
    ]);
    assert.equal((await awaitRunning(target, `${pool}-s`, 2)).length, 2);
  },

  "keeps ten events of a node": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    for (let round = 0; round < 6; round += 1) {
      for (const eligibility of ["ineligible", "eligible"]) {
        await target.call("PUT", `/v1/node/${nodeId}/eligibility`, {
          body: { Eligibility: eligibility },
        });
      }
    }
    const { Events } = await readNode(target, nodeId);
    assert.equal(Events.length, 10);
    assert.equal(Events.at(-1)?.Message, "Node marked as eligible for scheduling");
  },
};
