import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { runLeaseKey } from "../../../lambdas/watch/reconciliation.ts";
import * as reportRepairs from "../../../lambdas/watch/report-repairs.ts";
import type { ReconcileReport } from "../../../lambdas/watch/report-repairs.ts";
import { type Bench, startBench } from "../bench.ts";
import { executionArnOf } from "../executions.ts";
import { awsWith, markOf, planWith } from "./looks.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const execution = executionArnOf("this-run");
const id = "i-0000000000000000a";
const forget = [
  { instanceId: id, execution: executionArnOf(`retire-${id}`), nodeId: "node", why: "It is down." },
];
const repaired = (outcome: "repaired" | "left" | "failed") => [
  { what: `memory of ${id}`, instanceId: id, outcome, why: "So it was." },
];

const put = (item: Record<string, unknown>) =>
  bench.dynamoDb.put("records", marshall(item) as never);
const item = (pk: string): Record<string, unknown> | undefined =>
  bench.dynamoDb
    .items("records")
    .map((each) => unmarshall(each as Record<string, AttributeValue>))
    .find((each) => each["pk"] === pk);
const record = () => item(`instance#${id}`)?.["ownership"] as { phase: string; left?: string[] };
const own = (owner = executionArnOf(`retire-${id}`)) => {
  put({
    pk: `instance#${id}`,
    ownership: { instanceId: id, execution: owner, phase: "retiring", pool: "workers" },
  });
  put({ pk: runLeaseKey, holder: execution, until: bench.clock.now() + 1000 });
};
const report = (state: Record<string, unknown>, mode: "repair" | "report" = "repair") =>
  bench.call<ReconcileReport>(reportRepairs, {
    execution,
    state: { aws: awsWith({ mode }), ...state },
  });

describe("the report of a run", () => {
  test("ends the record of what was forgotten, and lets the next run begin", async () => {
    own();
    const { findings, repairs } = await report({
      plan: planWith({ forget }),
      repaired: repaired("repaired"),
    });
    assert.deepEqual([findings, repairs.length], [["It is down."], 1]);
    assert.equal(record().phase, "retired");
    assert.equal(item(runLeaseKey), undefined);
  });

  for (const outcome of ["left", "failed"] as const)
    test(`keeps the record of what was ${outcome}`, async () => {
      own();
      await report({ plan: planWith({ forget }), repaired: repaired(outcome) });
      assert.equal(record().phase, "retiring");
    });

  test("ends the record of a node that was given back as one of a retirement that failed", async () => {
    own();
    const mark = markOf(id, { where: "staying" });
    const giveBack = [{ mark, nodeId: "node", why: "We did it." }];
    await report({ plan: planWith({ giveBack }), repaired: repaired("repaired") });
    assert.deepEqual([record().phase, record().left], ["failed", []]);
  });

  test("does nothing to a record that another execution has taken meanwhile", async () => {
    own(executionArnOf("somebody-else"));
    await report({ plan: planWith({ forget }), repaired: repaired("repaired") });
    assert.equal(record().phase, "retiring");
  });

  test("writes nothing where it only reports", async () => {
    own();
    const { settle } = planWith({
      settle: [{ instanceId: id, execution: executionArnOf(`retire-${id}`), phase: "retired" }],
    });
    const { findings } = await report({ plan: planWith({ settle }) }, "report");
    assert.match(findings.join(), /Nothing is left of the retirement/);
    assert.equal(record().phase, "retiring");
    assert.notEqual(item(runLeaseKey), undefined);
    assert.deepEqual(bench.operations(), []);
  });

  test("counts what the alarms are about", async () => {
    own();
    await report({
      aws: awsWith({ unknown: [{ part: "tags", why: "ThrottledException: Rate exceeded" }] }),
      plan: planWith({ capped: 12, findings: ["12 instances are to be forgotten."] }),
      repaired: repaired("failed"),
      failure: { Error: "Sandbox.Timedout", Cause: "Task timed out" },
    });
    const [counted] = bench.metrics();
    assert.deepEqual([counted?.["ReconcilerCapped"], counted?.["ReconcilerUnknowns"]], [12, 3]);
    assert.deepEqual(
      [counted?.["ReconcilerFindings"], counted?.["ReconcilerRepairs"]],
      [1, undefined],
    );
  });

  test("says what is unknown, and what could not be repaired", async () => {
    own();
    const { unknown } = await report({
      repaired: repaired("failed"),
      plan: planWith({ unknown: [{ part: "EC2", why: "x".repeat(2000) }] }),
    });
    assert.deepEqual(
      unknown.map((each) => each.split(":")[0]),
      ["EC2", `memory of ${id}`],
    );
    assert.ok(unknown.every((each) => each.length < 600));
  });
});
