import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { marshall } from "@aws-sdk/util-dynamodb";
import type { Ownership } from "../../../lambdas/clients/records.ts";
import * as planRepairs from "../../../lambdas/watch/plan-repairs.ts";
import type { DownNode, Plan } from "../../../lambdas/watch/reconciliation.ts";
import { type Bench, startBench } from "../bench.ts";
import { executionArnOf } from "../executions.ts";
import { awsWith, clusterWith, markOf } from "./looks.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const one = "i-0000000000000000a";
const other = "i-0000000000000000b";
const downNode = (instanceId: string): DownNode => ({
  instanceId,
  nodeId: `node-of-${instanceId}`,
  name: instanceId,
  member: instanceId,
});
/** Retired by our record, down by Nomad, and with a word of EC2's where one is given. */
const left = (instanceId: string, state?: string, changed: Partial<Ownership> = {}): DownNode => {
  const ownership: Ownership = {
    instanceId,
    execution: executionArnOf(`retire-${instanceId}`),
    pool: "workers",
    group: "workers",
    reason: "the group terminates it",
    since: "2026-01-05T09:00:00.000Z",
    phase: "retired",
    hook: null,
    ...changed,
  };
  bench.dynamoDb.put("records", marshall({ pk: `instance#${instanceId}`, ownership }) as never);
  if (state) bench.ec2.put({ id: instanceId, state });
  return downNode(instanceId);
};
const plan = (down: readonly DownNode[], aws = awsWith()) =>
  bench.call<Plan>(planRepairs, { aws, cluster: clusterWith({ down: [...down] }) });
const idsOf = ({ forget }: Plan) => forget.map(({ instanceId }) => instanceId);

describe("what is planned", () => {
  test("asks EC2 for all at once, and nobody when there is nothing to plan", async () => {
    const found = await plan([left(one, "terminated"), left(other, "terminated")]);
    assert.deepEqual([found.next, idsOf(found), found.unknown], ["repair", [one, other], []]);
    assert.deepEqual(bench.operations("ec2"), ["DescribeInstances"]);
    assert.equal((await plan([])).next, "report");
    assert.deepEqual(bench.operations(), []);
  });

  test("is only told in a run that reports", async () => {
    const found = await plan([left(one, "terminated")], awsWith({ mode: "report" }));
    assert.deepEqual([found.next, idsOf(found)], ["report", [one]]);
  });

  test("takes in what EC2 has forgotten meanwhile, beside what it has not", async () => {
    const found = await plan([left(one), left(other, "terminated")]);
    assert.deepEqual(idsOf(found), [one, other]);
    assert.match(found.forget[0]?.why ?? "", /EC2 says that .* is not found/);
  });

  test("is nothing about a node that nobody has recorded: EC2 is not even asked", async () => {
    bench.ec2.put({ id: one, state: "terminated" });
    assert.deepEqual(idsOf(await plan([downNode(one)])), []);
    assert.deepEqual(bench.operations("ec2"), []);
  });

  test("is nothing while Drover is stopped, or the pool is only watched", async () => {
    bench.ssm.put("/drover/default/stop", "stop");
    assert.deepEqual(idsOf(await plan([left(one, "terminated")])), []);
    bench.ssm.put("/drover/default/stop", "go");
    bench.ssm.put("/drover/default/pools/workers", JSON.stringify({ observeOnly: true }));
    const found = await plan([left(one, "terminated")]);
    assert.deepEqual([idsOf(found), found.next], [[], "report"]);
    assert.match(found.findings.join(), /only watched/);
  });

  test("is nothing while the settings of the pool are not right, and what is wrong is told", async () => {
    bench.ssm.put("/drover/default/pools/workers", JSON.stringify({ observeonly: true }));
    const found = await plan([left(one, "terminated")]);
    assert.deepEqual([idsOf(found), found.next], [[], "report"]);
    assert.deepEqual(
      found.unknown.map(({ part }) => part),
      ["the settings of workers"],
    );
    assert.match(found.unknown[0]?.why ?? "", /observeonly: there is no such field/);
  });

  test("is nothing above ten, and the number is told", async () => {
    const ids = Array.from({ length: 11 }, (_, n) => `i-000000000000000${(n + 16).toString(16)}`);
    const found = await plan(ids.map((id) => left(id, "terminated")));
    assert.deepEqual([found.next, idsOf(found), found.capped], ["report", [], 11]);
  });
});

describe("who does not answer", () => {
  const silent = (part: string) =>
    bench.meddle(({ host }) => (host.startsWith(part) ? { status: 500, body: "" } : undefined));

  for (const state of ["running", "stopped", "shutting-down", "pending"])
    test(`no other word than an end will do: ${state}`, async () => {
      assert.deepEqual(idsOf(await plan([left(one, state)])), []);
    });

  test("EC2: nothing is forgotten, and a cordon is given back all the same", async () => {
    silent("ec2");
    const mark = markOf(other, { where: "staying", cordonedAt: "2026-01-05T09:00:00.000Z" });
    const seen = {
      instanceId: other,
      nodeId: "node",
      status: "ready",
      inConsul: true,
      cordon: "ours" as const,
      why: "We have cordoned it.",
    };
    const down = [left(one, "terminated")];
    const cluster = clusterWith({ down, marks: [seen] });
    const found = await bench.call<Plan>(planRepairs, { aws: awsWith({ marks: [mark] }), cluster });
    assert.deepEqual(idsOf(found), []);
    assert.equal(found.giveBack.length, 1);
    assert.deepEqual(
      found.unknown.map(({ part }) => part),
      ["EC2"],
    );
  });

  test("EC2, with an answer that says nothing of the instance", async () => {
    const body =
      '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet/></DescribeInstancesResponse>';
    bench.meddle(({ host }) =>
      host.startsWith("ec2")
        ? { status: 200, body, headers: { "content-type": "text/xml" } }
        : undefined,
    );
    assert.deepEqual(idsOf(await plan([left(one, "terminated")])), []);
  });

  for (const { part, name } of [
    { part: "dynamodb", name: "the records" },
    { part: "ssm", name: "the parameters" },
  ])
    test(`${name}: nothing at all is planned`, async () => {
      const down = [left(one, "terminated")];
      silent(part);
      const found = await plan(down);
      assert.deepEqual(
        [found.next, found.forget, found.giveBack, found.settle],
        ["report", [], [], []],
      );
      assert.deepEqual(
        found.unknown.map((each) => each.part),
        ["records or parameters"],
      );
    });

  test("the look at Nomad and Consul: nothing is planned, and its error is told", async () => {
    left(one, "terminated");
    const cluster = { Error: "Sandbox.Timedout", Cause: "Task timed out after 120.00 seconds" };
    const mark = markOf(one);
    const found = await bench.call<Plan>(planRepairs, { aws: awsWith({ marks: [mark] }), cluster });
    assert.deepEqual([found.next, found.settle], ["report", []]);
    assert.match(JSON.stringify(found.unknown), /Nomad and Consul.*timed out after 120/);
  });
});
