import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import * as checkGroups from "../../../lambdas/watch/check-groups.ts";
import type { CheckedGroups } from "../../../lambdas/watch/findings.ts";
import { type Bench, startBench } from "../bench.ts";
import { raiseGroup, retireHook } from "../pool.ts";
import { assertFinding, assertOthersFine, only } from "./findings.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const check = (): Promise<CheckedGroups> => bench.call<CheckedGroups>(checkGroups, {});

describe("check groups", () => {
  test("tells the pools, with three of their instances, to whoever comes next", async () => {
    const instances = await raiseGroup(bench, { desired: 7 });
    bench.ssm.put("/drover/default/pools/workers", JSON.stringify({ slots: 2 }));
    const { pools, slots, findings } = await check();
    assert.equal(slots, 3);
    assert.equal(pools.length, 1);
    const { instances: sampled, ...pool } = pools[0] ?? assert.fail();
    assert.deepEqual(pool, { pool: "workers", group: "workers", slots: 2 });
    const ids = instances.map(({ id }) => id);
    assert.deepEqual(sampled, [ids[0], ids[3], ids[6]]);
    assertOthersFine(findings);
  });

  test("goes on without the slots of a pool whose settings do not parse", async () => {
    await raiseGroup(bench);
    bench.ssm.put("/drover/default/pools/workers", "no JSON");
    const { pools, findings } = await check();
    assert.equal(pools[0]?.slots, null);
    assert.equal(pools[0]?.instances.length, 2);
    assertFinding(findings, "settings", "error", /no JSON/);
  });

  test("reads every page, and four groups at a time", async () => {
    for (let number = 0; number < 120; number += 1)
      bench.autoScaling.createGroup({
        name: `theirs-${number}`,
        ...(number === 119 && { hooks: [retireHook] }),
      });
    await raiseGroup(bench);
    let open = 0;
    let most = 0;
    bench.meddle(async ({ operation }) => {
      if (operation !== "DescribeLifecycleHooks") return undefined;
      open += 1;
      most = Math.max(most, open);
      await bench.clock.sleep(50);
      open -= 1;
      return undefined;
    });
    const { findings } = await check();
    assert.equal(only(findings, "tags").subject, "theirs-119");
    assert.equal(most, 4);
  });

  test("stops at 500 groups of others, and says so", async () => {
    for (let number = 0; number < 503; number += 1)
      bench.autoScaling.createGroup({ name: `theirs-${number}` });
    await raiseGroup(bench);
    bench.operations();
    const { findings } = await check();
    assertFinding(findings, "tags", "warning", /3 of 503 groups .* were not looked at/);
    const calls = bench.operations("autoscaling").filter((one) => one === "DescribeLifecycleHooks");
    assert.equal(calls.length, 501);
  });

  for (const [operation, part] of [
    ["GetResources", "the instances' tags"],
    ["GetParametersByPath", "the pools' parameters"],
  ] as const) {
    test(`goes on without ${part}`, async () => {
      await raiseGroup(bench);
      const denied = {
        __type: "AccessDeniedException",
        message: "User: x is not authorized to perform this",
      };
      bench.meddle((call) =>
        call.operation === operation
          ? {
              status: 400,
              body: JSON.stringify(denied),
              headers: { "content-type": "application/x-amz-json-1.1" },
            }
          : undefined,
      );
      const { findings, pools } = await check();
      assertFinding(
        findings,
        "checks",
        "error",
        new RegExp(`^${part} could not be checked: AccessDeniedException: User: x is not`),
        /service control policy/,
      );
      assert.equal(pools.length, 1);
      assert.match(only(findings, "groups").what, /settings.* are right/);
      assertOthersFine(findings, "checks");
    });
  }

  test("tells of an instance refresh under way, and not of one that is over", async () => {
    await raiseGroup(bench);
    const answer = (status: string) =>
      bench.meddle(({ operation }) =>
        operation === "DescribeInstanceRefreshes"
          ? {
              status: 200,
              body: `<DescribeInstanceRefreshesResponse><DescribeInstanceRefreshesResult><InstanceRefreshes><member><InstanceRefreshId>r</InstanceRefreshId><Status>${status}</Status></member></InstanceRefreshes></DescribeInstanceRefreshesResult></DescribeInstanceRefreshesResponse>`,
              headers: { "content-type": "text/xml" },
            }
          : undefined,
      );
    for (const status of ["Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"]) {
      answer(status);
      const { findings } = await check();
      assertFinding(findings, "refresh", "warning", new RegExp(`under way \\(${status}\\)`));
    }
    for (const status of ["Successful", "Failed", "Cancelled", "RollbackSuccessful"]) {
      answer(status);
      assertOthersFine((await check()).findings);
    }
  });

  test("hears at once of a stop that has just been set or lifted", async () => {
    await raiseGroup(bench);
    const again = bench.container(checkGroups);
    const stopOf = async () => only((await again<CheckedGroups>({})).findings, "stop").severity;
    assert.equal(await stopOf(), "ok");
    bench.ssm.put("/drover/default/stop", "stop");
    assert.equal(await stopOf(), "warning");
    bench.ssm.remove("/drover/default/stop");
    assert.equal(await stopOf(), "warning");
    bench.ssm.put("/drover/default/stop", "go");
    assert.equal(await stopOf(), "ok");
  });

  test("refuses an input, which it would not heed", async () => {
    await assert.rejects(bench.call(checkGroups, { pool: "workers" }), { name: "InputRefused" });
  });
});
