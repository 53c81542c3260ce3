import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import type { Orphan, Repair } from "../../../lambdas/watch/reconciliation.ts";
import * as repairOwnership from "../../../lambdas/watch/repair-ownership.ts";
import type { Instance } from "../../../rehearsal/emulators/auto-scaling/state.ts";
import { type Bench, startBench } from "../bench.ts";
import { executionArnOf } from "../executions.ts";
import { hookOf, raiseGroup, scaleIn } from "../pool.ts";
import { awsWith } from "./looks.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const repair = (changed: Parameters<typeof awsWith>[0]) =>
  bench.call<Repair[]>(repairOwnership, { aws: awsWith(changed) });
const ownerOf = (id: string): string | undefined =>
  bench.dynamoDb
    .items("records")
    .map((each) => unmarshall(each as Record<string, AttributeValue>))
    .find(({ pk }) => pk === `instance#${id}`)?.["ownership"].execution as string | undefined;
const orphanOf = ({ id, group, actions }: Instance, changed: Partial<Orphan> = {}): Orphan => ({
  instanceId: id,
  group,
  pool: "workers",
  why: "Nobody was told of it.",
  owner: null,
  isRecent: false,
  reason: "found waiting under its hook",
  since: new Date(bench.clock.now()).toISOString(),
  hook: hookOf(actions.at(-1)!),
  ...changed,
});
/** Instances that wait under our hook, and nobody takes care of them. */
const wait = async (count = 1): Promise<Instance[]> => {
  await raiseGroup(bench, { desired: count + 1 });
  const found: Instance[] = [];
  for (let left = count; left > 0; left -= 1) found.push((await scaleIn(bench)).instance);
  bench.operations();
  return found;
};

describe("an instance that waits without an owner", () => {
  test("gets an execution, which its record names, and its hook a heartbeat", async () => {
    const [instance] = await wait();
    const [done] = await repair({ orphans: [orphanOf(instance!)] });
    assert.deepEqual([done?.outcome, done?.instanceId], ["repaired", instance!.id]);
    const [execution] = bench.executions.all();
    assert.equal(execution?.status, "RUNNING");
    assert.equal(ownerOf(instance!.id), execution.executionArn);
    assert.equal(instance!.actions.at(-1)?.heartbeats.length, 1);
  });

  test("gets one in the place of its dead owner", async () => {
    const [instance] = await wait();
    const dead = await bench.executions.start("dead");
    await bench.executions.fail(dead);
    bench.dynamoDb.put(
      "records",
      marshall({
        pk: `instance#${instance!.id}`,
        ownership: { instanceId: instance!.id, execution: dead, phase: "retiring" },
      }) as never,
    );
    await repair({ orphans: [orphanOf(instance!, { owner: dead })] });
    assert.notEqual(ownerOf(instance!.id), dead);
    assert.equal(bench.executions.all().filter(({ status }) => status === "RUNNING").length, 1);
  });

  test("gets none when its event came after all", async () => {
    const [instance] = await wait();
    const owner = await bench.executions.start("by-its-event");
    bench.dynamoDb.put(
      "records",
      marshall({
        pk: `instance#${instance!.id}`,
        ownership: { instanceId: instance!.id, execution: owner, phase: "retiring" },
      }) as never,
    );
    await repair({ orphans: [orphanOf(instance!)] });
    assert.equal(ownerOf(instance!.id), owner);
    assert.equal(bench.executions.all().length, 1);
  });

  test("is left alone when it is not our hook that holds it", async () => {
    const [instance] = await wait();
    const hook = { ...hookOf(instance!.actions.at(-1)!), name: "drover-default/other" };
    const [done] = await repair({ orphans: [orphanOf(instance!, { hook })] });
    assert.equal(done?.outcome, "left");
    assert.deepEqual([bench.executions.all(), ownerOf(instance!.id)], [[], undefined]);
  });

  test("that cannot be helped keeps nothing from the others", async () => {
    const [first, second] = await wait(2);
    bench.meddle(({ body }) => (body.includes(first!.id) ? { status: 500, body: "" } : undefined));
    const done = await repair({ orphans: [orphanOf(first!), orphanOf(second!)] });
    assert.deepEqual(
      done.map(({ outcome }) => outcome),
      ["failed", "repaired"],
    );
  });
});

describe("a slot of the dead", () => {
  const key = "slot#cluster#1";
  const lease = (holder: string) =>
    bench.dynamoDb.put("records", marshall({ pk: key, holder, until: 9e15 }) as never);

  test("is free", async () => {
    const holder = executionArnOf("dead");
    lease(holder);
    await repair({ leases: [{ key, holder, isRecent: false }] });
    assert.deepEqual([...bench.dynamoDb.items("records")], []);
  });

  test("stays taken when somebody else has it by now", async () => {
    lease(executionArnOf("living"));
    await repair({ leases: [{ key, holder: executionArnOf("dead"), isRecent: false }] });
    assert.equal([...bench.dynamoDb.items("records")].length, 1);
  });
});

test("a run that reports does nothing", async () => {
  const [instance] = await wait();
  assert.deepEqual(await repair({ mode: "report", orphans: [orphanOf(instance!)] }), []);
  assert.deepEqual(bench.operations(), []);
});
