import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Duration } from "aws-cdk-lib";
import { composeSleepJob } from "../../rehearsal/agents/jobs.ts";
import { type LiveAllocation, type LiveWorld, startLiveWorld } from "./live-world.ts";

const seconds = (count: number): number => count * 1_000_000_000;

/** When the last task of some allocations ended, in milliseconds since the epoch. */
const lastEnd = (allocations: readonly LiveAllocation[]): number =>
  Math.max(
    ...allocations.flatMap(({ TaskStates }) =>
      Object.values(TaskStates ?? {}).map(({ FinishedAt }) =>
        FinishedAt ? Date.parse(FinishedAt) : Number.POSITIVE_INFINITY,
      ),
    ),
  );

describe("work leaves a terminating instance cleanly", { timeout: 400_000 }, () => {
  let live: LiveWorld;
  const leaving: string[] = [];

  before(async () => {
    live = await startLiveWorld({
      pools: [
        ...["mixed", "stubborn", "poststop", "disk", "pair"].map((pool) => ({ pool })),
        {
          pool: "batch",
          drainDeadline: Duration.seconds(5),
          batchDrainDeadline: Duration.seconds(20),
        },
      ],
    });
  });
  after(() => live.stop());

  const leave = async (instanceId: string): Promise<void> => {
    leaving.push(instanceId);
    await live.terminate(instanceId);
  };

  it("jobs of all types: services move, batch work ends by itself, system jobs go last", async () => {
    const [old] = (await live.scale("mixed", 1)) as [string];
    const run = (id: string, options: Parameters<typeof composeSleepJob>[1]) =>
      live.cluster.runJob(composeSleepJob(id, { pool: "mixed", ...options }));
    await run("mixed-system", { type: "system" });
    await run("mixed-service", { count: 2 });
    await run("mixed-batch", { type: "batch", script: "exec sleep 12" });
    await run("mixed-sysbatch", { type: "sysbatch", script: "exec sleep 9" });
    await live.scale("mixed", 2);

    await leave(old);
    assert.equal(await live.hookDecided(old), "CONTINUE completed");

    const on = (job: string) => live.allocationsOn(old, job);
    const batch = [...(await on("mixed-batch")), ...(await on("mixed-sysbatch"))];
    assert.deepEqual(
      batch.map(({ ClientStatus, DesiredStatus }) => [ClientStatus, DesiredStatus]),
      batch.map(() => ["complete", "run"]),
      "nobody stopped them",
    );
    const work = [...batch, ...(await on("mixed-service"))];
    assert.equal(work.length, 4);
    const system = await on("mixed-system");
    assert.equal(system[0]?.ClientStatus, "complete");
    assert.ok(lastEnd(system) > lastEnd(work), "the system job was there to the last");
    assert.ok(live.hookDecidedAt(old) > lastEnd(system));
    // The last one to leave is stopped in the moment in which its replacement starts.
    const running = await live.cluster.waitFor("both to run elsewhere", async () => {
      const allocations = await live.allocationsOf("mixed-service");
      const found = allocations.filter(({ ClientStatus }) => ClientStatus === "running");
      return found.length === 2 && found;
    });
    assert.ok(running.every(({ NodeName }) => NodeName !== old));
  });

  it("a task that ignores SIGTERM is waited for through its kill time-out", async () => {
    const [old] = (await live.scale("stubborn", 1)) as [string];
    await live.cluster.runJob(
      composeSleepJob("stubborn", {
        pool: "stubborn",
        script: "trap '' TERM INT; while :; do sleep 1; done",
        killTimeoutSeconds: 6,
      }),
    );
    await live.scale("stubborn", 2);
    await leave(old);
    assert.equal(await live.hookDecided(old), "CONTINUE completed");
    const ended = lastEnd(await live.allocationsOn(old, "stubborn"));
    assert.ok(live.hookDecidedAt(old) >= ended, "the hook came after the task's end");
  });

  it("a poststop task of an allocation that had failed before is waited for", async () => {
    const [old] = (await live.scale("poststop", 1)) as [string];
    const job = composeSleepJob("poststop", { type: "batch", pool: "poststop", script: "exit 1" });
    const [group] = job["TaskGroups"] as [{ Tasks: [object] }];
    const tidy = {
      ...group.Tasks[0],
      Name: "tidy",
      Config: { command: "/bin/sh", args: ["-c", "sleep 14"] },
      Lifecycle: { Hook: "poststop" },
    };
    await live.cluster.nomadApi("POST", "/v1/jobs", {
      Job: {
        ...job,
        TaskGroups: [
          {
            ...group,
            Tasks: [group.Tasks[0], tidy],
            RestartPolicy: { Attempts: 0, Mode: "fail", Interval: seconds(60), Delay: seconds(1) },
            ReschedulePolicy: { Attempts: 0, Unlimited: false, Interval: seconds(60) },
          },
        ],
      },
    });
    const tidying = async () => {
      const [allocation] = await live.allocationsOn(old, "poststop");
      return (
        allocation?.ClientStatus === "failed" &&
        allocation.TaskStates?.["tidy"]?.State === "running"
      );
    };
    await live.cluster.waitFor("the poststop task", tidying);

    await leave(old);
    assert.equal(await live.hookDecided(old), "CONTINUE completed");
    const ended = lastEnd(await live.allocationsOn(old, "poststop"));
    assert.ok(live.hookDecidedAt(old) >= ended, "the hook came after the poststop task's end");
  });

  it("the data of a migrating disk reach the replacement before the node may end", async () => {
    const [old] = (await live.scale("disk", 1)) as [string];
    const data = '"$NOMAD_ALLOC_DIR/data"';
    const job = composeSleepJob("disk", {
      pool: "disk",
      migrateData: true,
      script: `if [ -f ${data}/blob ]; then touch ${data}/arrived; else
        dd if=/dev/urandom of=${data}/blob bs=1M count=60 2>/dev/null; fi; exec sleep 3600`,
    });
    const [group] = job["TaskGroups"] as [{ EphemeralDisk: object }];
    await live.cluster.runJob({
      ...job,
      TaskGroups: [{ ...group, EphemeralDisk: { ...group.EphemeralDisk, SizeMB: 200 } }],
    } as typeof job);
    const [first] = (await live.allocationsOf("disk")) as [LiveAllocation];
    const sizeOf = async (file: string, allocation: string) =>
      live.cluster.nomadApi<{ Size: number }>(
        "GET",
        `/v1/client/fs/stat/${allocation}?path=alloc/data/${file}`,
      );
    await live.cluster.waitFor(
      "the data",
      async () => (await sizeOf("blob", first.ID)).Size === 60 * 1024 * 1024,
    );
    await live.scale("disk", 2);

    await leave(old);
    assert.equal(await live.hookDecided(old), "CONTINUE completed");
    const replacement = (await live.allocationsOf("disk")).find(({ ID }) => ID !== first.ID);
    assert.equal(replacement?.ClientStatus, "running", "it has its data, and runs");
    await live.cluster.waitFor("the data's arrival", () => sizeOf("arrived", replacement.ID));
    assert.equal((await sizeOf("blob", replacement.ID)).Size, 60 * 1024 * 1024);
  });

  it("of two instances at once one drains after the other, as these servers want it", async () => {
    await live.scale("pair", 3);
    await live.cluster.runJob(composeSleepJob("pair", { pool: "pair", count: 6 }));
    const [one, other] = (await live.scale("pair", 3)) as [string, string];
    await Promise.all([leave(one), leave(other)]);
    let most = 0;
    await live.cluster.waitFor(
      "both decisions",
      async () => {
        const nodes = await live.cluster.nomadApi<{ Drain: boolean }[]>("GET", "/v1/nodes");
        most = Math.max(most, nodes.filter(({ Drain }) => Drain).length);
        return live.hookOf(one) !== undefined && live.hookOf(other) !== undefined;
      },
      120_000,
    );
    assert.equal(most, 1, "never two at the same time");
    assert.deepEqual([live.hookOf(one), live.hookOf(other)], Array(2).fill("CONTINUE completed"));
  });

  it("batch work has the deadline of batch work", async () => {
    const [only] = (await live.scale("batch", 1)) as [string];
    await live.cluster.runJob(
      composeSleepJob("long-batch", { type: "batch", pool: "batch", script: "exec sleep 3600" }),
    );
    const began = Date.now();
    await leave(only);
    assert.equal(await live.hookDecided(only), "CONTINUE completed");
    assert.ok(live.hookDecidedAt(only) - began >= 20_000, "not the five seconds of services");
  });

  it("all of them are forgotten, and nothing is left taken", async () => {
    assert.equal(leaving.length, 7);
    for (const instanceId of leaving) {
      const output = await live.retired(instanceId);
      const cutOff = output.cutOff.map(({ job }) => job);
      const expected = instanceId === leaving.at(-1) ? ["forced", ["long-batch"]] : ["clean", []];
      assert.deepEqual([output.drain, cutOff], expected, output.explanation);
      assert.deepEqual(
        [output.hook, output.end, output.forgotten],
        ["CONTINUE", "gone", { nomad: "purged", consul: "deregistered" }],
      );
      await live.assertForgotten(instanceId);
    }
    assert.deepEqual(live.world.deadLetters, []);
    const [table] = live.world.stack.tables;
    const keys = live.world.dynamoDb.items(table!.name).map((item) => JSON.stringify(item["pk"]));
    assert.ok(!keys.some((key) => key.includes("slot#")), keys.join());
  });
});
