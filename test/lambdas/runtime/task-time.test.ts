import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import * as v from "valibot";
import { task } from "../../../lambdas/runtime/task.ts";
import { startVirtualTime, type VirtualTime } from "../../../rehearsal/clock/virtual-time.ts";

let time: VirtualTime | undefined;
afterEach(() => time?.end());

test("a task takes its time from the clock alone: no timer of the process outlives it", async () => {
  time = startVirtualTime({ seed: 1 });
  const { clock } = time;
  const handler = task(
    {
      env: { DROVER_CLUSTER: "default" },
      clock,
      random: Math.random,
      connect: () => assert.fail("nothing is called"),
      write: () => undefined,
    },
    v.unknown(),
    async () => "done",
  );
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  const answer = await handler(
    {},
    { awsRequestId: "1", getRemainingTimeInMillis: () => 3_600_000 },
  );
  assert.equal(answer, "done");
  assert.equal(timers(), before);
});
