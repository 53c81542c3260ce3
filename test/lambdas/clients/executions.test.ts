import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import {
  executionArn,
  type Executions,
  executionsClient,
} from "../../../lambdas/clients/executions.ts";
import { instanceTagsClient } from "../../../lambdas/clients/instance-tags.ts";
import { type Bench, startBench } from "../bench.ts";
import { executionArnOf, machineArn } from "../executions.ts";

let bench: Bench;
let executions: Executions;
beforeEach(async () => {
  bench = await startBench();
  executions = executionsClient(bench.surroundings);
});
afterEach(() => bench.end());

const start = (name: string, input: unknown = {}) =>
  bench.settle(executions.start(machineArn, name, input));
const status = (name: string) => bench.settle(executions.status(executionArnOf(name)));

describe("an execution", () => {
  test("has an ARN that is known before it is started", () => {
    assert.equal(executionArn(machineArn, "a"), executionArnOf("a"));
  });

  test("is started once under one name, and again with the same input while it runs", async () => {
    assert.equal(await start("a", { instanceId: "i-1" }), true);
    assert.equal(await start("a", { instanceId: "i-1" }), true);
    assert.equal(await start("a", { instanceId: "i-2" }), false);
    assert.deepEqual(
      bench.executions.all().map(({ name, input }) => [name, input]),
      [["a", '{"instanceId":"i-1"}']],
    );
  });

  test("is running, has succeeded, or ended badly; or there never was one", async () => {
    await start("a");
    await start("b");
    assert.equal(await status("a"), "running");
    await bench.settle(bench.executions.succeed(executionArnOf("a")));
    await bench.settle(bench.executions.fail(executionArnOf("b")));
    assert.equal(await status("a"), "succeeded");
    assert.equal(await status("b"), "ended badly");
    assert.equal(await status("c"), "unknown");
    assert.equal(await start("a"), false);
  });
});

describe("the tags of an instance", () => {
  test("are read, and none where it has none", async () => {
    const tags = instanceTagsClient(bench.surroundings);
    const arn = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1";
    assert.equal((await bench.settle(tags.read(arn))).size, 0);
    bench.tags.put(arn, "drover:hold", "");
    assert.deepEqual([...(await bench.settle(tags.read(arn)))], [["drover:hold", ""]]);
  });
});
