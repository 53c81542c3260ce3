import assert from "node:assert/strict";
import { eventually } from "./eventually.ts";
import {
  allocationsOn,
  awaitDrained,
  awaitRunning,
  drain,
  isEnded,
  readAllocation,
  readNode,
  type NomadTarget,
  type TargetNode,
} from "./nomad-target.ts";
import type { Case } from "./nomad-reads.ts";

const QUICK = { minHealthySeconds: 1 };

/** Holds the client still until its node is in a status that tells so. */
const fallSilent = async (target: NomadTarget, node: TargetNode, status: string): Promise<void> => {
  await target.freeze(node.instanceId);
  await eventually(
    target,
    `the node is ${status}`,
    target.silence[1] + 1,
    async () => (await readNode(target, node.nodeId)).Status === status,
  );
};

export const silenceCases: Record<string, Case> = {
  "what was given up as lost runs again for a moment when its client returns": async (
    target,
    pool,
  ) => {
    const job = `${pool}-s`;
    const node = await target.addNode(pool);
    // A client tells its allocations' states at once, but 5 to 10 s after a try that failed (Nomad
    // 1.6.1, `client/client.go`, `allocSyncRetryIntv`), and its old connection may well be dead: the
    // task takes longer than that to stop.
    const stopping = [{ stopSeconds: 15, killTimeoutSeconds: 30 }];
    await target.runJob({ id: job, pool, groups: [{ migrate: QUICK, tasks: stopping }] });
    const [alloc] = await awaitRunning(target, job);
    const other = await target.addNode(pool);
    await fallSilent(target, node, "down");
    const lost = await eventually(target, "its work is lost", 5, async () => {
      const read = await readAllocation(target, alloc!.ID);
      return read.ClientStatus === "lost" && read;
    });
    assert.equal(lost.DesiredStatus, "stop");
    await eventually(target, "it runs elsewhere", 10, async () =>
      (await allocationsOn(target, other.nodeId)).some((one) => one.ClientStatus === "running"),
    );
    await target.thaw(node.instanceId);
    const seen = new Set<string>();
    await eventually(target, "it is stopped", 45, async () => {
      const { ClientStatus } = await readAllocation(target, alloc!.ID);
      seen.add(ClientStatus);
      return ClientStatus === "complete";
    });
    assert.ok(seen.has("running"), `it runs again: ${[...seen].join(", ")}`);
    const back = await readNode(target, node.nodeId);
    assert.deepEqual([back.Status, back.SchedulingEligibility], ["ready", "eligible"]);
  },

  "an allocation that may be disconnected is unknown on a silent client, and lost after its time":
    async (target, pool) => {
      const [job, impatient] = [`${pool}-s`, `${pool}-t`];
      const node = await target.addNode(pool);
      const groups = [{ migrate: QUICK, maxClientDisconnectSeconds: 6 }];
      await target.runJob({ id: job, pool, groups });
      await target.runJob({ id: impatient, pool, groups: [{ migrate: QUICK }] });
      const [patientOne] = await awaitRunning(target, job);
      const [lostOne] = await awaitRunning(target, impatient);
      const other = await target.addNode(pool);
      await fallSilent(target, node, "disconnected");
      const read = await eventually(target, "it is unknown", 3, async () => {
        const one = await readAllocation(target, patientOne!.ID);
        return one.ClientStatus === "unknown" && one;
      });
      assert.equal(read.DesiredStatus, "run");
      await eventually(
        target,
        "the work of the other job is lost",
        3,
        async () => (await readAllocation(target, lostOne!.ID)).ClientStatus === "lost",
      );
      await eventually(
        target,
        "both run elsewhere",
        10,
        async () =>
          (await allocationsOn(target, other.nodeId)).filter(
            (one) => one.ClientStatus === "running",
          ).length === 2,
      );
      const lost = await eventually(target, "its time is over", 15, async () => {
        const one = await readAllocation(target, patientOne!.ID);
        return one.ClientStatus === "lost" && one;
      });
      assert.equal(lost.DesiredStatus, "stop");
      assert.equal((await readNode(target, node.nodeId)).SchedulingEligibility, "eligible");
    },

  "a replacement with a migrating disk waits for the end of the old one": async (target, pool) => {
    const from = await target.addNode(pool);
    await target.runJob({
      id: `${pool}-d`,
      pool,
      groups: [
        {
          migrate: QUICK,
          ephemeralDisk: { migrate: true },
          tasks: [{ stopSeconds: 4, killTimeoutSeconds: 20 }],
        },
      ],
    });
    const [old] = await awaitRunning(target, `${pool}-d`);
    await target.pause(1.5);
    const to = await target.addNode(pool);
    await drain(target, from.nodeId, { seconds: 60 });
    const next = await eventually(target, "the replacement is placed", 10, async () =>
      (await allocationsOn(target, to.nodeId)).at(0),
    );
    await target.pause(2);
    assert.equal((await readAllocation(target, next.ID)).ClientStatus, "pending");
    await awaitDrained(target, from.nodeId, 15);
    assert.equal(isEnded(await readAllocation(target, old!.ID)), true);
    await eventually(
      target,
      "it runs",
      15,
      async () => (await readAllocation(target, next.ID)).ClientStatus === "running",
    );
    await eventually(
      target,
      "it has the data of the old one",
      5,
      async () => (await target.countStarts(next.ID)) === 2,
    );
  },

  "a replacement with a migrating disk starts empty once the old machine is gone": async (
    target,
    pool,
  ) => {
    const job = `${pool}-d`;
    const from = await target.addNode(pool);
    await target.runJob({
      id: job,
      pool,
      groups: [
        {
          migrate: QUICK,
          ephemeralDisk: { migrate: true },
          tasks: [{ stopSeconds: 3, killTimeoutSeconds: 20 }],
        },
      ],
    });
    const [old] = await awaitRunning(target, job);
    await target.pause(1.5);
    const to = await target.addNode(pool);
    await drain(target, from.nodeId, { seconds: 60 });
    const next = await eventually(target, "the replacement is placed", 10, async () =>
      (await allocationsOn(target, to.nodeId)).at(0),
    );
    // Its client is slow to come for the data.
    await target.freeze(to.instanceId);
    await eventually(target, "the old one ends", 10, async () =>
      isEnded(await readAllocation(target, old!.ID)),
    );
    await target.powerOff(from.instanceId);
    await target.thaw(to.instanceId);
    await eventually(
      target,
      "the replacement runs",
      20,
      async () => (await readAllocation(target, next.ID)).ClientStatus === "running",
    );
    await eventually(
      target,
      "it began without data",
      5,
      async () => (await target.countStarts(next.ID)) === 1,
    );
  },
};
