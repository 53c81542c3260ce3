import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { marshall } from "@aws-sdk/util-dynamodb";
import type { Ownership } from "../../../lambdas/clients/records.ts";
import { holdTag } from "../../../lambdas/retire/hook-names.ts";
import * as lookAtAws from "../../../lambdas/watch/look-at-aws.ts";
import type { LookAtAws } from "../../../lambdas/watch/reconciliation.ts";
import { type Bench, startBench } from "../bench.ts";
import { executionArnOf } from "../executions.ts";
import { raiseGroup, scaleIn } from "../pool.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const execution = executionArnOf("this-run");
const look = (mode?: "repair", aws?: LookAtAws) =>
  bench.call<LookAtAws>(lookAtAws, { input: mode ? { mode } : {}, execution, ...(aws && { aws }) });
const own = (instanceId: string, changed: Partial<Ownership> = {}, ttl?: number) => {
  const ownership: Ownership = {
    instanceId,
    execution: executionArnOf(`retire-${instanceId}`),
    pool: "workers",
    group: "workers",
    reason: "a person",
    since: "2026-01-05T09:00:00.000Z",
    phase: "retiring",
    hook: null,
    ...changed,
  };
  bench.dynamoDb.put(
    "records",
    marshall({ pk: `instance#${instanceId}`, ownership, ...(ttl && { ttl }) }) as never,
  );
  return ownership;
};
const lease = (key: string, holder: string) =>
  bench.dynamoDb.put(
    "records",
    marshall({ pk: key, holder, until: bench.clock.now() + 1_800_000 }) as never,
  );
const ended = async (name: string) => {
  const arn = await bench.executions.start(name);
  await bench.executions.fail(arn);
  return arn;
};
const arnOfInstance = (id: string) => `arn:aws:ec2:eu-west-1:123456789012:instance/${id}`;

describe("a look at AWS", () => {
  test("finds nothing where there is nothing, and asks for no more than it needs", async () => {
    await raiseGroup(bench);
    bench.operations();
    const { next, asksCluster, inService, unknown } = await look();
    assert.deepEqual([next, asksCluster, inService, unknown], ["report", false, 2, []]);
    assert.deepEqual(bench.operations(), ["DescribeAutoScalingGroups", "Scan"]);
  });

  test("looks twice at what may be on its way, and once at what cannot be", async () => {
    await raiseGroup(bench);
    const { instance } = await scaleIn(bench);
    const first = await look("repair");
    assert.deepEqual([first.next, first.waitSeconds], ["look-again", 60]);
    const second = await look("repair", first);
    assert.deepEqual([second.next, second.orphans.length], ["repair", 1]);
    own(instance.id, { execution: await ended("stopped") });
    assert.equal((await look("repair", undefined)).next, "repair");
  });

  test("keeps its hands off what a person holds", async () => {
    await raiseGroup(bench);
    const { instance } = await scaleIn(bench);
    own(instance.id, { execution: await ended("stopped") });
    bench.tags.put(arnOfInstance(instance.id), holdTag, "looked at");
    const { next, orphans, held } = await look("repair");
    assert.deepEqual([next, orphans, held], ["report", [], [instance.id]]);
  });

  test("finds what a retirement has left of an instance that stays, unless a person holds it", async () => {
    const [one, two] = await raiseGroup(bench);
    assert.ok(one && two);
    const stopped = await ended("stopped");
    for (const { id } of [one, two]) own(id, { execution: stopped });
    bench.tags.put(arnOfInstance(two.id), holdTag, "looked at");
    const { next, marks } = await look("repair");
    assert.equal(next, "look-at-cluster");
    assert.deepEqual(
      marks.map(({ instanceId, where, isKnown }) => [instanceId, where, isKnown]),
      [[one.id, "staying", false]],
    );
  });

  test("looks at the cluster for as long as the record of a retirement is kept", async () => {
    await raiseGroup(bench);
    own("i-0000000000000000e", { phase: "retired" });
    const { next, marks } = await look();
    assert.deepEqual([next, marks], ["look-at-cluster", []]);
    // DynamoDB may keep it for days longer.
    own("i-0000000000000000e", { phase: "retired" }, bench.clock.now() / 1000 - 1);
    assert.equal((await look()).next, "report");
  });

  test("finds the slots of the dead, and no others", async () => {
    lease("slot#cluster#1", await ended("stopped"));
    lease("slot#cluster#2", await bench.executions.start("running"));
    const { leases } = await look("repair");
    assert.deepEqual(
      leases.map(({ key }) => key),
      ["slot#cluster#1"],
    );
  });
});

describe("who does not answer", () => {
  const services = [
    { host: "autoscaling", part: "Auto Scaling" },
    { host: "dynamodb", part: "the records" },
    { host: "states", part: "Step Functions" },
    { host: "tagging", part: "tags" },
  ] as const;
  /** An orphan, a dead slot, and a node that stays cordoned, all of them certain. */
  const begin = async () => {
    const [, staying] = await raiseGroup(bench, { desired: 3 });
    const { instance } = await scaleIn(bench);
    const stopped = await ended("stopped");
    own(instance.id, { execution: stopped });
    const stays = staying!.id === instance.id ? undefined : staying!.id;
    if (stays) own(stays, { execution: stopped });
    lease("slot#cluster#1", stopped);
  };
  const silence = (hosts: ReadonlySet<string>) =>
    bench.meddle(({ host }) => {
      const [label = ""] = host.split(".");
      return hosts.has(label) ? { status: 500, body: "" } : undefined;
    });

  test("is nobody: everything is found", async () => {
    await begin();
    const { orphans, leases, marks, unknown } = await look();
    assert.deepEqual([orphans.length, leases.length, marks.length, unknown], [1, 1, 1, []]);
  });

  for (let which = 1; which < 2 ** services.length; which += 1) {
    const silent = services.filter((_, index) => which & (2 ** index));
    const names = silent.map(({ part }) => part).join(" and ");
    test(`is ${names}: nothing is decided about what it knows`, async () => {
      await begin();
      const hosts = new Set(silent.map(({ host }) => host as string));
      silence(hosts);
      const { orphans, leases, marks, unknown } = await look();
      // Tags say what is held: without them no instance is touched. Slots are nobody's.
      const isNeeded = ["dynamodb", "states"].some((host) => hosts.has(host));
      assert.deepEqual([orphans, marks], [[], []]);
      assert.equal(leases.length, isNeeded ? 0 : 1);
      assert.ok(unknown.length > 0);
      const told = new Set(unknown.map(({ part }) => part));
      for (const { host, part } of silent) {
        // Who is only asked because of what another one said is not asked then.
        const isAsked = host === "autoscaling" || host === "dynamodb" || silent.length === 1;
        if (isAsked) assert.ok(told.has(part), `${part} is missing in ${[...told].join(", ")}`);
      }
    });
  }
});
