import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { dynamoRecords, type Ownership, type Records } from "../../../lambdas/clients/records.ts";
import { type Bench, startBench } from "../bench.ts";

let bench: Bench;
let records: Records;
beforeEach(async () => {
  bench = await startBench();
  records = dynamoRecords(bench.surroundings, "records");
});
afterEach(() => bench.end());

const ownership = (execution: string, changes: Partial<Ownership> = {}): Ownership => ({
  instanceId: "i-1",
  execution,
  pool: "workers",
  group: "workers",
  reason: "the group terminates it",
  since: "2026-01-05T09:00:00.000Z",
  phase: "retiring",
  hook: null,
  ...changes,
});
const hook = {
  name: "drover-default/retire",
  token: "token",
  heartbeatSeconds: 1728,
  startedAt: "2026-01-05T09:00:00.000Z",
  deadline: "2026-01-07T09:00:00.000Z",
};
const read = () => bench.settle(records.read("i-1"));
const take = (execution: string, over?: string) =>
  bench.settle(records.take(ownership(execution), over));

describe("an ownership", () => {
  test("is taken by one execution, and told to every other", async () => {
    assert.equal(await take("a"), undefined);
    assert.equal((await take("b"))?.execution, "a");
    assert.equal((await read())?.execution, "a");
  });

  test("is taken again by its owner", async () => {
    await take("a");
    assert.equal(await take("a"), undefined);
  });

  test("goes to one of two that take it at the same moment", async () => {
    const both = ["a", "b"].map((execution) => records.take(ownership(execution)));
    const owners = await bench.settle(Promise.all(both));
    assert.equal(owners.filter((owner) => owner === undefined).length, 1);
    assert.equal(owners.find((owner) => owner)?.execution, (await read())?.execution);
  });

  test("of a dead owner is taken over once, by name", async () => {
    await take("dead");
    assert.equal(await take("a", "dead"), undefined);
    assert.equal((await take("b", "dead"))?.execution, "a");
  });

  test("that has ended is free, and kept for a week as a record", async () => {
    await take("a");
    await bench.settle(records.end("i-1", "a", "failed", ["cordon of node n-1"]));
    const { phase, left } = (await read()) ?? {};
    assert.deepEqual({ phase, left }, { phase: "failed", left: ["cordon of node n-1"] });
    const ttl = () => bench.dynamoDb.items("records")[0]?.["ttl"];
    const inAWeek = Math.floor(bench.clock.now() / 1000) + 7 * 86_400;
    assert.deepEqual(ttl(), { N: String(inAWeek) });
    assert.equal(await take("b"), undefined);
    assert.equal(ttl(), undefined);
  });

  test("is not ended by another execution", async () => {
    await take("a");
    await bench.settle(records.end("i-1", "b", "retired"));
    assert.equal((await read())?.phase, "retiring");
    await bench.settle(records.end("i-none", "b", "retired"));
    assert.equal(await bench.settle(records.read("i-none")), undefined);
  });

  test("is given a hook as long as it lasts", async () => {
    await take("a");
    assert.equal(await bench.settle(records.attachHook("i-1", "a", hook)), true);
    assert.deepEqual((await read())?.hook, hook);
    assert.equal(await bench.settle(records.attachHook("i-1", "b", hook)), false);
    await bench.settle(records.end("i-1", "a", "retired"));
    assert.equal(await bench.settle(records.attachHook("i-1", "a", hook)), false);
    assert.equal(await bench.settle(records.attachHook("i-none", "a", hook)), false);
  });

  test("is read as it is now, not as it was a second ago", async () => {
    await take("a");
    assert.equal((await read())?.execution, "a");
    assert.ok(bench.sent.some(({ body }) => body.includes('"ConsistentRead":true')));
  });
});

describe("leases", () => {
  const until = () => bench.clock.now() + 1000;
  const takeLeases = (keys: string[], holder: string) =>
    bench.settle(records.takeLeases(keys, holder, until()));

  test("are taken all together or not at all", async () => {
    assert.equal(await takeLeases(["slot#a", "slot#b"], "one"), true);
    assert.equal(await takeLeases(["slot#c", "slot#b"], "two"), false);
    const found = await bench.settle(records.readLeases(["slot#a", "slot#b", "slot#c"]));
    assert.deepEqual(
      new Set(found.map(({ key, holder }) => `${holder} ${key}`)),
      new Set(["one slot#a", "one slot#b"]),
    );
  });

  test("are renewed by their holder, and free for others when they have run out", async () => {
    await takeLeases(["slot#a"], "one");
    await bench.pass(0.9);
    assert.equal(await takeLeases(["slot#a"], "one"), true);
    await bench.pass(1);
    assert.equal(await takeLeases(["slot#a"], "two"), false);
    await bench.pass(0.1);
    assert.equal(await takeLeases(["slot#a"], "two"), true);
  });

  test("are given back by their holder alone", async () => {
    await takeLeases(["slot#a"], "one");
    await bench.settle(records.releaseLease("slot#a", "two"));
    assert.equal(await takeLeases(["slot#a"], "two"), false);
    await bench.settle(records.releaseLease("slot#a", "one"));
    await bench.settle(records.releaseLease("slot#a", "one"));
    assert.equal(await takeLeases(["slot#a"], "two"), true);
  });

  test("are read on where DynamoDB has left some for the next call", async () => {
    await takeLeases(["slot#a", "slot#b"], "one");
    let calls = 0;
    bench.meddle(({ operation }) => {
      if (operation !== "BatchGetItem" || (calls += 1) > 1) return;
      const keys = { Keys: [{ pk: { S: "slot#a" } }, { pk: { S: "slot#b" } }] };
      return {
        status: 200,
        headers: { "content-type": "application/x-amz-json-1.0" },
        body: JSON.stringify({ Responses: { records: [] }, UnprocessedKeys: { records: keys } }),
      };
    });
    const found = await bench.settle(records.readLeases(["slot#a", "slot#b"]));
    assert.equal(found.length, 2);
    assert.equal(calls, 2);
  });

  for (const [code, isAnswer] of [
    ["ConditionalCheckFailed", true],
    ["TransactionConflict", true],
    ["ThrottlingError", false],
  ] as const) {
    test(`cancelled by ${code} ${isAnswer ? "are somebody else's" : "are tried again"}`, async () => {
      bench.meddle(({ operation }) =>
        operation === "TransactWriteItems"
          ? {
              status: 400,
              headers: { "content-type": "application/x-amz-json-1.0" },
              body: JSON.stringify({
                __type: "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                message: "Transaction cancelled",
                CancellationReasons: [{ Code: "None" }, { Code: code }],
              }),
            }
          : undefined,
      );
      const taken = takeLeases(["slot#a", "slot#b"], "one");
      if (isAnswer) assert.equal(await taken, false);
      else await assert.rejects(taken, { name: "TransactionCanceledException" });
    });
  }
});
