import assert from "node:assert/strict";
import type { JobSpec } from "../../rehearsal/emulators/nomad/job-spec.ts";
import { eventually } from "./eventually.ts";
import {
  allocationsOfJob,
  allocationsOn,
  awaitDrained,
  awaitRunning,
  drain,
  isEnded,
  listAllocations,
  readAllocation,
  readNode,
  wasForced,
  type AllocView,
  type NodeView,
} from "./nomad-target.ts";
import type { Case } from "./nomad-reads.ts";

const spread = (id: string, pool: string): JobSpec => ({
  id,
  pool,
  distinctHosts: true,
  groups: [{ count: 2, migrate: { minHealthySeconds: 2 } }],
});

export const lifeCases: Record<string, Case> = {
  "notices a dead client by its silence and gives its work up as lost": async (target, pool) => {
    const [one, other] = [await target.addNode(pool), await target.addNode(pool)];
    await target.runJob({ id: `${pool}-s`, pool });
    const [alloc] = await awaitRunning(target, `${pool}-s`);
    const [dead, alive] = alloc!.NodeID === one.nodeId ? [one, other] : [other, one];
    const list = await target.call("GET", "/v1/allocations?namespace=*");
    const held = target.call("GET", `/v1/allocation/${alloc!.ID}?index=${list.index}&wait=120s`);
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
    // Who waited for the allocation was woken by that, and not at the end of the wait.
    const woken = await held;
    assert.ok(woken.index > list.index);
    assert.ok(["lost", "running"].includes(woken.json<AllocView>().ClientStatus));
    assert.ok(target.seconds() - began < most + 7);
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

  "a purged node whose agent lives runs on unseen, or comes back eligible and without its past":
    async (target, pool) => {
      const { nodeId } = await target.addNode(pool);
      await target.runJob({ id: `${pool}-s`, pool, type: "system" });
      await awaitRunning(target, `${pool}-s`);
      await drain(target, nodeId, { seconds: 60, ignoreSystemJobs: true });
      await awaitDrained(target, nodeId, 5);
      const before = await readNode(target, nodeId);
      assert.equal(before.SchedulingEligibility, "ineligible");
      assert.equal((await target.call("PUT", `/v1/node/${nodeId}/purge`)).status, 200);
      let node: NodeView | undefined;
      for (let second = 0; second < 35 && node?.Status !== "ready"; second += 1) {
        await target.pause(1);
        const answer = await target.call("GET", `/v1/node/${nodeId}`);
        node = answer.status === 200 ? answer.json<NodeView>() : undefined;
      }
      // With ACLs its heartbeats are refused, and only a changed fingerprint brings it back.
      if (!node) return;
      assert.equal(node.SchedulingEligibility, "eligible");
      assert.equal(node.LastDrain, null);
      assert.equal(node.Events[0]?.Message, "Node registered");
      await eventually(target, "it takes work again", 15, async () =>
        (await allocationsOfJob(target, `${pool}-s`)).some(
          (alloc) => alloc.ClientStatus === "running" && alloc.DesiredStatus === "run",
        ),
      );
    },

  "two nodes that drain at once: one job keeps its max_parallel": async (target, pool) => {
    const old = [await target.addNode(pool), await target.addNode(pool)];
    await target.runJob(spread(`${pool}-s`, pool));
    await awaitRunning(target, `${pool}-s`, 2);
    await target.pause(2.5);
    await target.addNode(pool);
    await target.addNode(pool);
    await Promise.all(old.map(({ nodeId }) => drain(target, nodeId, { seconds: 60 })));
    const over = new AbortController();
    const done = Promise.all(old.map(({ nodeId }) => awaitDrained(target, nodeId, 30))).finally(
      () => over.abort(),
    );
    while (!over.signal.aborted) {
      const allocs = await allocationsOfJob(target, `${pool}-s`);
      assert.ok(allocs.some((alloc) => alloc.ClientStatus === "running"));
      await target.pause(0.1);
    }
    assert.ok((await done).every((node) => !wasForced(node)));
  },

  "two nodes that drain at once with two jobs: all is moved, the drains may stay open": async (
    target,
    pool,
  ) => {
    const old = [await target.addNode(pool), await target.addNode(pool)];
    const jobs = [`${pool}-s`, `${pool}-t`];
    for (const job of jobs) await target.runJob(spread(job, pool));
    for (const job of jobs) await awaitRunning(target, job, 2);
    await target.pause(2.5);
    await target.addNode(pool);
    await target.addNode(pool);
    const began = target.seconds();
    await Promise.all(old.map(({ nodeId }) => drain(target, nodeId, { seconds: 25 })));
    await eventually(target, "nothing is left to wait for", 20, async () => {
      const left = await Promise.all(old.map(({ nodeId }) => allocationsOn(target, nodeId)));
      return left.flat().every(isEnded);
    });
    const nodes = await Promise.all(old.map(({ nodeId }) => awaitDrained(target, nodeId, 30)));
    // What ends while the drainer is busy marking goes unnoticed: such a drain lasts to its deadline.
    if (nodes.some(wasForced)) assert.ok(target.seconds() - began >= 25);
    for (const job of jobs) assert.equal((await awaitRunning(target, job, 2)).length, 2);
  },

  "two nodes that drain at once with many jobs: max_parallel is broken for some": async (
    target,
    pool,
  ) => {
    const MOST = 8;
    const nodes = [await target.addNode(pool), await target.addNode(pool)];
    const jobs = Array.from({ length: 8 }, (_, index) => `${pool}-${index}`);
    for (const job of jobs) await target.runJob(spread(job, pool));
    for (const job of jobs) await awaitRunning(target, job, 2);
    nodes.push(await target.addNode(pool), await target.addNode(pool));

    /** The fewest allocations that any of the jobs had while two nodes were left for two others. */
    const moveAll = async (round: number): Promise<number> => {
      const [from, to] =
        round % 2 === 0
          ? [
              [0, 1],
              [2, 3],
            ]
          : [
              [2, 3],
              [0, 1],
            ];
      for (const index of to) {
        await target.call("PUT", `/v1/node/${nodes[index]!.nodeId}/eligibility`, {
          body: { Eligibility: "eligible" },
        });
      }
      // Only what is healthy is moved.
      await target.pause(3);
      const old = from.map((index) => nodes[index]!);
      const began = target.seconds();
      await Promise.all(old.map(({ nodeId }) => drain(target, nodeId, { seconds: 9 })));
      let fewest = 2;
      while (target.seconds() - began < 6) {
        const running = (await listAllocations(target, `JobID matches "^${pool}-"`)).filter(
          (alloc) => alloc.ClientStatus === "running" && alloc.DesiredStatus === "run",
        );
        for (const job of jobs) {
          fewest = Math.min(fewest, running.filter((alloc) => alloc.JobID === job).length);
        }
        if (fewest === 0) return 0;
        await target.pause(0.05);
      }
      // Both are drained, by their deadline if need be, before the next try.
      await Promise.all(old.map(({ nodeId }) => awaitDrained(target, nodeId, 25)));
      for (const job of jobs) await awaitRunning(target, job, 2);
      return fewest;
    };

    // It is a race: most rounds break it, but not each.
    let fewest = 2;
    for (let round = 0; round < MOST && fewest > 0; round += 1) fewest = await moveAll(round);
    assert.equal(fewest, 0, "a job with two allocations and max_parallel 1 had none at some time");
  },

  "starts to move work after a second, and wakes who waits for the node at its end": async (
    target,
    pool,
  ) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({
      id: `${pool}-s`,
      pool,
      groups: [{ count: 2, migrate: { minHealthySeconds: 1 } }],
    });
    await awaitRunning(target, `${pool}-s`, 2);
    await target.pause(1.5);
    await target.addNode(pool);
    const began = target.seconds();
    await drain(target, nodeId, { seconds: 60 });
    const moved = eventually(target, "the first one is moved", 5, async () =>
      (await allocationsOn(target, nodeId)).some(({ DesiredStatus }) => DesiredStatus === "stop"),
    ).then(() => target.seconds() - began);
    let wakes = 0;
    let index = 0;
    for (let open = true; open && wakes < 10; wakes += 1) {
      const answer = await target.call("GET", `/v1/node/${nodeId}?index=${index}&wait=40s`);
      index = answer.index;
      open = answer.json<{ DrainStrategy: object | null }>().DrainStrategy !== null;
    }
    assert.ok(wakes <= 3, `answered ${wakes} times, the first time at once`);
    assert.equal((await allocationsOn(target, nodeId)).every(isEnded), true);
    assert.ok((await moved) > 0.9);
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
