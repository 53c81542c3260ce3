import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Duration } from "aws-cdk-lib";
import { composeSleepJob } from "../../rehearsal/agents/jobs.ts";
import { type LiveWorld, startLiveWorld } from "./live-world.ts";

describe("trouble on the way decides no hook too early", { timeout: 400_000 }, () => {
  let live: LiveWorld;
  const leaving: string[] = [];

  before(async () => {
    live = await startLiveWorld({
      pools: [
        { pool: "purged" },
        { pool: "crowded", drainDeadline: Duration.seconds(15) },
        { pool: "outage" },
      ],
    });
  });
  after(() => live.stop());

  const leave = async (instanceId: string): Promise<void> => {
    leaving.push(instanceId);
    await live.terminate(instanceId);
  };

  it("a job that is purged while its node drains does not hold it to the deadline", async () => {
    const [only] = (await live.scale("purged", 1)) as [string];
    await live.cluster.runJob(
      composeSleepJob("purged", {
        pool: "purged",
        count: 2,
        script: "trap '' TERM INT; while :; do sleep 1; done",
        killTimeoutSeconds: 5,
      }),
    );
    await leave(only);
    await live.draining(only);
    await live.cluster.purgeJob("purged");
    assert.equal(await live.hookDecided(only), "CONTINUE completed");
    const left = await live.allocationsOn(only, "purged");
    assert.ok(left.every(({ ClientStatus }) => ClientStatus === "complete"));
    assert.equal((await live.node(only))?.Status !== undefined, true);
  });

  it("work that fits nowhere else is named, and stopped at the deadline", async () => {
    const [only] = (await live.scale("crowded", 1)) as [string];
    await live.cluster.runJob(composeSleepJob("crowded", { pool: "crowded", count: 3 }));
    const began = Date.now();
    await leave(only);
    assert.equal(await live.hookDecided(only), "CONTINUE completed");
    assert.ok(live.hookDecidedAt(only) - began >= 15_000, "it had its whole deadline");
  });

  it("an outage of Nomad is waited out, in the middle of a drain and before it", async () => {
    const [old] = (await live.scale("outage", 1)) as [string];
    await live.cluster.runJob(
      composeSleepJob("outage", {
        pool: "outage",
        count: 2,
        script: "trap '' TERM INT; while :; do sleep 1; done",
        killTimeoutSeconds: 5,
      }),
    );
    const [, second] = (await live.scale("outage", 2)) as [string, string];
    await live.scale("outage", 3);
    await leave(old);
    await live.draining(old);
    await live.cluster.stopNomadServer();
    await leave(second);
    await live.cluster.waitFor("both to have noticed", () => {
      const lines = live.world.log.filter((line) => line.includes("NomadUnreachable"));
      return lines.length >= 2;
    });
    assert.deepEqual([live.hookOf(old), live.hookOf(second)], [undefined, undefined]);
    await live.cluster.startNomadServer();
    assert.equal(await live.hookDecided(old), "CONTINUE completed");
    assert.equal(await live.hookDecided(second), "CONTINUE completed");
    const running = await live.cluster.waitFor("the work elsewhere", async () => {
      const all = await live.allocationsOf("outage");
      const found = all.filter(({ ClientStatus }) => ClientStatus === "running");
      return found.length === 2 ? found : undefined;
    });
    assert.ok(running.every(({ NodeName }) => NodeName !== old && NodeName !== second));
  });

  it("all of them are forgotten, and their drains told apart", async () => {
    const outputs = [];
    for (const instanceId of leaving) {
      outputs.push(await live.retired(instanceId));
      await live.assertForgotten(instanceId);
    }
    assert.deepEqual(
      outputs.map(({ drain, cutOff }) => [drain, cutOff.map(({ job }) => job)]),
      [
        ["clean", []],
        ["forced", ["crowded"]],
        ["clean", []],
        ["clean", []],
      ],
    );
  });
});
