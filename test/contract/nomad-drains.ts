import assert from "node:assert/strict";
import { eventually } from "./eventually.ts";
import {
  allocationsOfJob,
  allocationsOn,
  awaitDrained,
  awaitRunning,
  drain,
  isEnded,
  readAllocation,
  readNode,
  wasForced,
} from "./nomad-target.ts";
import type { Case } from "./nomad-reads.ts";

const QUICK = { minHealthySeconds: 1 };

/** Healthy ones alone are migrated; it takes the minimum healthy time from their start. */
const HEALTHY = 1.5;

export const drainCases: Record<string, Case> = {
  "refuses deadlines that are no integer, and meta that is no text": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    const send = (text: string) => target.call("PUT", `/v1/node/${nodeId}/drain`, { text });
    for (const text of [
      '{"DrainSpec":{"Deadline":"600s"}}',
      '{"DrainSpec":{"Deadline":600e9}}',
      '{"DrainSpec":{"Deadline":1.5}}',
      '{"DrainSpec":{"Deadline":1000000000},"Meta":{"a":1}}',
      '{"DrainSpec":{"IgnoreSystemJobs":"yes"}}',
      "no json",
      "",
    ]) {
      const answer = await send(text);
      assert.equal(answer.status, 400, `${text}: ${answer.text}`);
    }
    assert.equal((await readNode(target, nodeId)).LastDrain, null);
  },

  "takes an unknown field silently for nothing: no deadline": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({ id: `${pool}-b`, pool, type: "batch" });
    await awaitRunning(target, `${pool}-b`);
    const answer = await target.call("PUT", `/v1/node/${nodeId}/drain`, {
      body: { DrainSpec: { Duration: 5e9 }, Whatever: true },
    });
    assert.equal(answer.status, 200);
    const { DrainStrategy } = await readNode(target, nodeId);
    assert.deepEqual([DrainStrategy?.Deadline, DrainStrategy?.ForceDeadline], [0, null]);
  },

  "ends the drain of an empty node at once and leaves it ineligible": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    const began = target.seconds();
    await drain(target, nodeId, { seconds: 60, meta: { owner: "drover" } });
    const node = await awaitDrained(target, nodeId, 5);
    assert.ok(target.seconds() - began < 1.5);
    assert.equal(node.SchedulingEligibility, "ineligible");
    assert.equal(node.LastDrain?.Status, "complete");
    assert.deepEqual(node.LastDrain?.Meta, { owner: "drover" });
    assert.equal(wasForced(node), false);
    assert.deepEqual(
      node.Events.slice(-2).map((event) => event.Message),
      ["Node drain strategy set", "Node drain complete"],
    );
  },

  "keeps eligibility and drains apart": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    const set = (eligibility: string) =>
      target.call("PUT", `/v1/node/${nodeId}/eligibility`, { body: { Eligibility: eligibility } });
    assert.equal((await set("ineligible")).status, 200);
    assert.equal((await set("ineligible")).index, 0);
    assert.equal((await set("eligible")).status, 200);
    assert.equal((await set("perhaps")).status, 500);
    await target.runJob({ id: `${pool}-b`, pool, type: "batch" });
    await awaitRunning(target, `${pool}-b`);
    await drain(target, nodeId, { seconds: 60 });
    const refused = await set("eligible");
    assert.equal(refused.status, 500);
    assert.match(refused.text, /while it is draining/);
  },

  "moves services one after the other, each once the last is healthy": async (target, pool) => {
    const from = await target.addNode(pool);
    await target.runJob({ id: `${pool}-s`, pool, groups: [{ count: 3, migrate: QUICK }] });
    await awaitRunning(target, `${pool}-s`, 3);
    await target.pause(HEALTHY);
    const to = await target.addNode(pool);
    const began = target.seconds();
    await drain(target, from.nodeId, { seconds: 120 });
    let fewest = 3;
    const watched = new AbortController();
    const done = awaitDrained(target, from.nodeId, 60).finally(() => watched.abort());
    while (!watched.signal.aborted) {
      const allocs = await allocationsOfJob(target, `${pool}-s`);
      const running = allocs.filter((alloc) => alloc.ClientStatus === "running");
      fewest = Math.min(fewest, running.length);
      await target.pause(0.1);
    }
    const node = await done;
    const took = target.seconds() - began;
    assert.ok(took > 4 && took < 25, `took ${took} s`);
    assert.ok(fewest >= 2, `${fewest} ran at the worst moment`);
    assert.equal(wasForced(node), false);
    const [old] = await allocationsOn(target, from.nodeId);
    const next = await readAllocation(target, old!.NextAllocation!);
    assert.deepEqual([next.NodeID, next.PreviousAllocation], [to.nodeId, old!.ID]);
  },

  "is declared complete while a system job's tasks still stop": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({
      id: `${pool}-sys`,
      pool,
      type: "system",
      groups: [{ tasks: [{ stopSeconds: 60, killTimeoutSeconds: 3 }] }],
    });
    const [alloc] = await awaitRunning(target, `${pool}-sys`);
    await drain(target, nodeId, { seconds: 60 });
    await awaitDrained(target, nodeId, 10);
    assert.equal((await readAllocation(target, alloc!.ID)).ClientStatus, "running");
    const began = target.seconds();
    await eventually(target, "it is killed", 8, async () =>
      isEnded(await readAllocation(target, alloc!.ID)),
    );
    assert.ok(target.seconds() - began > 1.5);
  },

  "leaves system jobs to a second pass": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({ id: `${pool}-sys`, pool, type: "system" });
    const [alloc] = await awaitRunning(target, `${pool}-sys`);
    await drain(target, nodeId, { seconds: 60, ignoreSystemJobs: true, meta: { pass: "first" } });
    await awaitDrained(target, nodeId, 10);
    await target.pause(1);
    assert.equal((await readAllocation(target, alloc!.ID)).ClientStatus, "running");
    await drain(target, nodeId, { seconds: 60, meta: { pass: "second" } });
    const node = await awaitDrained(target, nodeId, 10);
    assert.deepEqual(node.LastDrain?.Meta, { pass: "second" });
    await eventually(target, "the system allocation stops", 8, async () =>
      isEnded(await readAllocation(target, alloc!.ID)),
    );
  },

  "lets batch work run until the deadline, then forces it, a second late": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({
      id: `${pool}-b`,
      pool,
      type: "batch",
      groups: [{ tasks: [{ stopSeconds: 60, killTimeoutSeconds: 3 }] }],
    });
    const [alloc] = await awaitRunning(target, `${pool}-b`);
    const other = await target.addNode(pool);
    const began = target.seconds();
    await drain(target, nodeId, { seconds: 4 });
    const node = await awaitDrained(target, nodeId, 15);
    const took = target.seconds() - began;
    assert.ok(took >= 4.8 && took < 5 + 2 * target.patience, `ended after ${took} s`);
    assert.equal(wasForced(node), true);
    assert.equal(node.LastDrain?.Status, "complete");
    assert.equal((await readAllocation(target, alloc!.ID)).ClientStatus, "running");
    const ended = await eventually(target, "it is killed", 10, async () => {
      const read = await readAllocation(target, alloc!.ID);
      return isEnded(read) && read;
    });
    const again = await readAllocation(target, ended.NextAllocation!);
    assert.equal(again.NodeID, other.nodeId, "it starts again from zero elsewhere");
  },

  "is clean when batch work ends by itself": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({
      id: `${pool}-b`,
      pool,
      type: "batch",
      groups: [{ tasks: [{ runSeconds: 4 }] }],
    });
    await awaitRunning(target, `${pool}-b`);
    await drain(target, nodeId, { seconds: 60 });
    const node = await awaitDrained(target, nodeId, 15);
    assert.equal(wasForced(node), false);
    const [alloc] = await allocationsOn(target, nodeId);
    assert.deepEqual([alloc!.ClientStatus, alloc!.DesiredStatus], ["complete", "run"]);
  },

  "lets sysbatch work run until the deadline, whatever IgnoreSystemJobs says": async (
    target,
    pool,
  ) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({ id: `${pool}-sb`, pool, type: "sysbatch" });
    const [alloc] = await awaitRunning(target, `${pool}-sb`);
    await drain(target, nodeId, { seconds: 4, ignoreSystemJobs: true });
    await target.pause(2);
    assert.ok((await readNode(target, nodeId)).DrainStrategy, "it holds the drain open");
    const node = await awaitDrained(target, nodeId, 10);
    assert.equal(wasForced(node), true);
    await eventually(target, "it is stopped", 8, async () =>
      isEnded(await readAllocation(target, alloc!.ID)),
    );
  },

  "overlooks the end of sysbatch work": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({
      id: `${pool}-sb`,
      pool,
      type: "sysbatch",
      groups: [{ tasks: [{ runSeconds: 4 }] }],
    });
    const [alloc] = await awaitRunning(target, `${pool}-sb`);
    await drain(target, nodeId, { seconds: 9 });
    await eventually(target, "it ends by itself", 8, async () =>
      isEnded(await readAllocation(target, alloc!.ID)),
    );
    await target.pause(2);
    assert.ok((await readNode(target, nodeId)).DrainStrategy, "the drain is still open");
    assert.equal(wasForced(await awaitDrained(target, nodeId, 12)), true);
  },

  "stays open when a job is purged, until another deadline is posted": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({ id: `${pool}-s`, pool, type: "batch" });
    const [alloc] = await awaitRunning(target, `${pool}-s`);
    await drain(target, nodeId);
    await target.pause(1);
    await target.purgeJob(`${pool}-s`);
    await eventually(target, "its allocation stops", 10, async () =>
      isEnded(await readAllocation(target, alloc!.ID)),
    );
    await target.pause(3);
    assert.ok((await readNode(target, nodeId)).DrainStrategy, "the drain is still open");
    await drain(target, nodeId);
    await target.pause(1);
    assert.ok((await readNode(target, nodeId)).DrainStrategy, "the same again does nothing");
    await drain(target, nodeId, { seconds: 300 });
    assert.equal(wasForced(await awaitDrained(target, nodeId, 3)), false);
  },

  "without room elsewhere stops the first of a group, and the rest at the deadline": async (
    target,
    pool,
  ) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({ id: `${pool}-s`, pool, groups: [{ count: 2, migrate: QUICK }] });
    await awaitRunning(target, `${pool}-s`, 2);
    await target.pause(HEALTHY);
    await drain(target, nodeId, { seconds: 5 });
    await target.pause(4);
    assert.ok((await readNode(target, nodeId)).DrainStrategy, "the second one waits");
    const waiting = (await allocationsOn(target, nodeId)).map((alloc) => alloc.ClientStatus);
    assert.deepEqual(waiting.sort(), ["complete", "running"]);
    assert.equal(wasForced(await awaitDrained(target, nodeId, 10)), true);
    await eventually(target, "the second one is stopped too", 8, async () =>
      (await allocationsOn(target, nodeId)).every(isEnded),
    );
    await target.addNode(pool);
    await awaitRunning(target, `${pool}-s`, 2);
  },

  "moves the deadline when it is posted again, and keeps the start": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({ id: `${pool}-b`, pool, type: "batch" });
    await awaitRunning(target, `${pool}-b`);
    await drain(target, nodeId, { seconds: 60, meta: { try: "1", owner: "a" } });
    const first = await readNode(target, nodeId);
    await target.pause(2);
    await drain(target, nodeId, { seconds: 60, meta: { try: "2" } });
    const second = await readNode(target, nodeId);
    const moved =
      Date.parse(second.DrainStrategy!.ForceDeadline!) -
      Date.parse(first.DrainStrategy!.ForceDeadline!);
    assert.ok(moved >= 1900 && moved < 4000, `moved by ${moved} ms`);
    assert.equal(second.DrainStrategy!.StartedAt, first.DrainStrategy!.StartedAt);
    assert.deepEqual(second.LastDrain?.Meta, { try: "2" });
    await drain(target, nodeId, { seconds: 60 });
    assert.deepEqual((await readNode(target, nodeId)).LastDrain?.Meta, { try: "2" });
  },

  "forces at once with a negative deadline": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({ id: `${pool}-b`, pool, type: "batch" });
    const [alloc] = await awaitRunning(target, `${pool}-b`);
    const stops = async (seconds: number) => {
      const end = target.seconds() + seconds;
      while (target.seconds() < end) {
        if (isEnded(await readAllocation(target, alloc!.ID))) return true;
        await target.pause(0.1);
      }
      return false;
    };
    // Real agents overlook one in some fifty, and leave the work running until another deadline is
    // posted.
    let tries = 1;
    await drain(target, nodeId, { seconds: -tries });
    while (tries < 4 && !(await stops(8))) {
      tries += 1;
      await drain(target, nodeId, { seconds: -tries });
    }
    assert.ok(await stops(8), `it is stopped, after ${tries} tries`);
    const node = await readNode(target, nodeId);
    if (!node.DrainStrategy) assert.equal(wasForced(node), true);
  },

  "begins anew when it is posted after its end, and a null then does nothing": async (
    target,
    pool,
  ) => {
    const { nodeId } = await target.addNode(pool);
    await drain(target, nodeId, { seconds: 60, meta: { try: "1" } });
    const first = await awaitDrained(target, nodeId, 5);
    await target.pause(1.5);
    await drain(target, nodeId, { seconds: 60, meta: { try: "2" } });
    const second = await awaitDrained(target, nodeId, 5);
    assert.ok(Date.parse(second.LastDrain!.StartedAt) > Date.parse(first.LastDrain!.StartedAt));
    assert.deepEqual(second.LastDrain?.Meta, { try: "2" });
    const cancelled = await target.call("PUT", `/v1/node/${nodeId}/drain`, {
      body: { DrainSpec: null },
    });
    assert.equal(cancelled.status, 200);
    assert.equal((await readNode(target, nodeId)).LastDrain?.Status, "complete");
  },

  "is cancelled by a null, which does nothing afterwards": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({ id: `${pool}-b`, pool, type: "batch" });
    await awaitRunning(target, `${pool}-b`);
    await drain(target, nodeId, { seconds: 60 });
    const cancel = (markEligible: boolean) =>
      target.call("PUT", `/v1/node/${nodeId}/drain`, {
        body: { DrainSpec: null, MarkEligible: markEligible },
      });
    assert.equal((await cancel(false)).status, 200);
    const node = await readNode(target, nodeId);
    assert.deepEqual(
      [node.DrainStrategy, node.LastDrain?.Status, node.SchedulingEligibility],
      [null, "canceled", "ineligible"],
    );
    assert.equal((await cancel(true)).status, 200);
    const after = await readNode(target, nodeId);
    assert.deepEqual(
      [after.LastDrain?.Status, after.SchedulingEligibility],
      ["canceled", "eligible"],
    );
  },

  "skips what had failed before, though a poststop task still runs": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({
      id: `${pool}-f`,
      pool,
      type: "batch",
      groups: [
        {
          tasks: [
            { runSeconds: 1, fails: true },
            { lifecycle: "poststop", runSeconds: 8 },
          ],
        },
      ],
    });
    const alloc = await eventually(target, "it has failed", 20, async () =>
      (await allocationsOfJob(target, `${pool}-f`)).find((one) => one.ClientStatus === "failed"),
    );
    await drain(target, nodeId, { seconds: 60 });
    await awaitDrained(target, nodeId, 2);
    const read = await eventually(target, "the poststop task runs", 3, async () => {
      const one = await readAllocation(target, alloc.ID);
      return one.TaskStates?.["after"]?.State === "running" && one;
    });
    assert.equal(read.ClientStatus, "failed");
  },
};
