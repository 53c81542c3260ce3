import assert from "node:assert/strict";
import type { GroupSpec } from "../../rehearsal/emulators/nomad/job-spec.ts";
import { eventually } from "./eventually.ts";
import {
  allocationsOfJob,
  awaitDrained,
  awaitRunning,
  drain,
  wasForced,
  type AllocView,
  type NomadTarget,
} from "./nomad-target.ts";
import type { Case } from "./nomad-reads.ts";

interface DeploymentView {
  readonly JobID: string;
  readonly JobVersion: number;
  readonly Status: string;
  readonly StatusDescription: string;
  readonly TaskGroups: Record<
    string,
    {
      DesiredTotal: number;
      PlacedAllocs: number;
      HealthyAllocs: number;
      RequireProgressBy: string | null;
    }
  >;
}

const PROGRESS = 6;

/** A group whose revision decides whether its allocations are replaced. */
const group = (revision: string, more: GroupSpec = {}): GroupSpec => ({
  count: 3,
  size: 2,
  migrate: { minHealthySeconds: 1 },
  update: { minHealthySeconds: 1, progressDeadlineSeconds: PROGRESS, autoRevert: true },
  tasks: [{ revision }],
  ...more,
});

const readDeployments = async (target: NomadTarget, job: string): Promise<DeploymentView[]> => {
  const answer = await target.call("GET", `/v1/job/${job}/deployments`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<DeploymentView[]>().sort((one, other) => one.JobVersion - other.JobVersion);
};

const awaitDeployment = (target: NomadTarget, job: string, version: number, status: string) =>
  eventually(target, `deployment ${version} of ${job} is ${status}`, 25, async () =>
    (await readDeployments(target, job)).find(
      (one) => one.JobVersion === version && one.Status === status,
    ),
  );

const cordon = async (target: NomadTarget, nodeId: string, eligibility = "ineligible") => {
  const answer = await target.call("PUT", `/v1/node/${nodeId}/eligibility`, {
    body: { Eligibility: eligibility },
  });
  assert.equal(answer.status, 200, answer.text);
};

type Placed = AllocView & { readonly JobVersion: number };

const runningOf = async (target: NomadTarget, job: string): Promise<Placed[]> =>
  ((await allocationsOfJob(target, job)) as Placed[]).filter(
    (alloc) => alloc.ClientStatus === "running" && alloc.DesiredStatus === "run",
  );

/** Runs the first version on a node of its own, and waits for the end of its deployment. */
const deployFirst = async (target: NomadTarget, pool: string, first: GroupSpec) => {
  const node = await target.addNode(pool);
  await target.runJob({ id: `${pool}-d`, pool, groups: [first] });
  await awaitDeployment(target, `${pool}-d`, 0, "successful");
  return node;
};

export const deploymentCases: Record<string, Case> = {
  "a deployment for which nothing has room runs for ever, and ends when there is some": async (
    target,
    pool,
  ) => {
    const job = `${pool}-d`;
    const old = await deployFirst(target, pool, group("1"));
    await cordon(target, old.nodeId);
    await target.runJob({ id: job, pool, groups: [group("2")] });
    await awaitDeployment(target, job, 1, "running");
    await target.pause(PROGRESS + 4);
    const [, stuck] = await readDeployments(target, job);
    assert.equal(stuck?.Status, "running", "its progress deadline has not begun");
    const { PlacedAllocs, RequireProgressBy, DesiredTotal } = stuck.TaskGroups["main"]!;
    assert.deepEqual([PlacedAllocs, RequireProgressBy, DesiredTotal], [0, null, 3]);
    const running = await runningOf(target, job);
    assert.ok(running.length === 3 && running.every((alloc) => alloc.JobVersion === 0));
    const fresh = await target.addNode(pool);
    await awaitDeployment(target, job, 1, "successful");
    const moved = await runningOf(target, job);
    assert.deepEqual(new Set(moved.map((alloc) => alloc.NodeID)), new Set([fresh.nodeId]));
  },

  "with room for one of three a deployment fails at its progress deadline and reverts": async (
    target,
    pool,
  ) => {
    const job = `${pool}-d`;
    const old = await deployFirst(target, pool, group("1"));
    await cordon(target, old.nodeId);
    const fresh = await target.addNode(pool);
    const began = target.seconds();
    await target.runJob({ id: job, pool, groups: [group("2", { size: 6 })] });
    const failed = await awaitDeployment(target, job, 1, "failed");
    assert.ok(target.seconds() - began >= PROGRESS);
    assert.equal(
      failed.StatusDescription,
      "Failed due to progress deadline - rolling back to job version 0",
    );
    assert.deepEqual(
      [failed.TaskGroups["main"]!.PlacedAllocs, failed.TaskGroups["main"]!.HealthyAllocs],
      [1, 1],
    );
    await awaitDeployment(target, job, 2, "successful");
    // What was not replaced stays on the cordoned node, as a part of the new version.
    const running = await runningOf(target, job);
    assert.deepEqual(
      running.map((alloc) => alloc.JobVersion),
      [2, 2, 2],
    );
    const onOld = running.filter((alloc) => alloc.NodeID === old.nodeId);
    const onFresh = running.filter((alloc) => alloc.NodeID === fresh.nodeId);
    assert.deepEqual([onOld.length, onFresh.length], [2, 1]);
  },

  "redeployed work lands on an old node that is still eligible": async (target, pool) => {
    const job = `${pool}-d`;
    const old = await deployFirst(target, pool, group("1", { count: 1 }));
    const other = await target.addNode(pool);
    await cordon(target, old.nodeId);
    await target.runJob({ id: job, pool, groups: [group("2", { count: 1 })] });
    await awaitDeployment(target, job, 1, "successful");
    assert.deepEqual(
      (await runningOf(target, job)).map((alloc) => alloc.NodeID),
      [other.nodeId],
    );
  },

  "a drain in the midst of a deployment moves the rest as the new version, and both end": async (
    target,
    pool,
  ) => {
    const job = `${pool}-d`;
    const slow = { minHealthySeconds: 3, progressDeadlineSeconds: 20 };
    const old = await deployFirst(target, pool, group("1", { update: slow }));
    await cordon(target, old.nodeId);
    const fresh = await target.addNode(pool);
    await target.runJob({ id: job, pool, groups: [group("2", { update: slow })] });
    await eventually(target, "the first one is replaced", 10, async () =>
      (await runningOf(target, job)).some((alloc) => alloc.JobVersion === 1),
    );
    await drain(target, old.nodeId, { seconds: 60 });
    assert.equal(wasForced(await awaitDrained(target, old.nodeId, 25)), false);
    await awaitDeployment(target, job, 1, "successful");
    const running = await runningOf(target, job);
    assert.deepEqual(
      running.map((alloc) => [alloc.JobVersion, alloc.NodeID]),
      Array.from({ length: 3 }, () => [1, fresh.nodeId]),
    );
  },

  "a drain does not end a deployment that is stuck, and it goes on where there is room": async (
    target,
    pool,
  ) => {
    const job = `${pool}-d`;
    const old = await deployFirst(target, pool, group("1", { count: 2 }));
    await cordon(target, old.nodeId);
    await target.runJob({ id: job, pool, groups: [group("2", { count: 2 })] });
    await awaitDeployment(target, job, 1, "running");
    await drain(target, old.nodeId, { seconds: 3 });
    assert.equal(wasForced(await awaitDrained(target, old.nodeId, 10)), true);
    await target.pause(PROGRESS);
    assert.equal((await readDeployments(target, job)).at(-1)?.Status, "running");
    assert.deepEqual(await runningOf(target, job), []);
    await target.addNode(pool);
    await awaitDeployment(target, job, 1, "successful");
    const running = await runningOf(target, job);
    assert.ok(running.length === 2 && running.every((alloc) => alloc.JobVersion === 1));
  },

  "a new version of a system job leaves the old one on a cordoned node until it is freed": async (
    target,
    pool,
  ) => {
    const [one, other] = [await target.addNode(pool), await target.addNode(pool)];
    const job = `${pool}-sys`;
    const run = (revision: string) =>
      target.runJob({ id: job, pool, type: "system", groups: [{ tasks: [{ revision }] }] });
    await run("1");
    await awaitRunning(target, job, 2);
    await cordon(target, one.nodeId);
    await run("2");
    const versions = async () =>
      new Map((await runningOf(target, job)).map((alloc) => [alloc.NodeID, alloc.JobVersion]));
    await eventually(
      target,
      "the other node has the new one",
      10,
      async () => (await versions()).get(other.nodeId) === 1,
    );
    await target.pause(2);
    assert.equal((await versions()).get(one.nodeId), 0);
    await cordon(target, one.nodeId, "eligible");
    await eventually(
      target,
      "the freed node has the new one",
      8,
      async () => (await versions()).get(one.nodeId) === 1,
    );
  },

  "lists deployments for who may read jobs, and jobs for who may list them": async (
    target,
    pool,
  ) => {
    const job = `${pool}-d`;
    await deployFirst(target, pool, group("1", { count: 1 }));
    const reader = await target.createToken({
      namespaces: { "*": { capabilities: ["read-job"] } },
    });
    const lister = await target.createToken({
      namespaces: { "*": { capabilities: ["list-jobs", "read-job"] } },
    });
    const token = reader.secret;
    const filter = encodeURIComponent(`JobID == "${job}" and Status == "successful"`);
    const path = `/v1/deployments?namespace=*&filter=${filter}`;
    const found = (await target.call("GET", path, { token })).json<DeploymentView[]>();
    assert.deepEqual(
      found.map(({ JobID, JobVersion }) => [JobID, JobVersion]),
      [[job, 0]],
    );
    assert.equal((await target.call("GET", `/v1/job/${job}`, { token })).status, 200);
    assert.equal((await target.call("GET", "/v1/jobs?namespace=default", { token })).status, 403);
    const rows = await target.call("GET", "/v1/jobs?namespace=*", { token: lister.secret });
    assert.equal(rows.status, 200);
    const row = rows.json<{ ID: string; Type: string }[]>().find(({ ID }) => ID === job);
    assert.equal(row?.Type, "service");
  },
};
