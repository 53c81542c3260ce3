import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { createHandler as createCheck } from "../../../lambdas/config/check-bundle.ts";
import { archiveKey, manifestKey, signatureKey } from "../../../lambdas/config/keys.ts";
import { createHandler as createMove } from "../../../lambdas/config/move-channel.ts";
import { createHandler as createPrune } from "../../../lambdas/config/prune-bundles.ts";
import { publishBundle } from "../../../lambdas/config/publish-bundle.ts";
import { createHandler as createRead } from "../../../lambdas/config/read-order.ts";
import { createHandler as createShow } from "../../../lambdas/config/show-bundles.ts";
import { InputRefused } from "../../../lambdas/runtime/errors.ts";
import type { Surroundings } from "../../../lambdas/runtime/surroundings.ts";
import type { TaskContext, TaskHandler } from "../../../lambdas/runtime/task.ts";
import { isolateSdk } from "../../../rehearsal/world/sdk-environment.ts";
import {
  bucket,
  buildSome,
  type BundleAccount,
  createBundleAccount,
  region,
} from "./bundle-account.ts";

let putBack = () => {};
before(() => {
  putBack = isolateSdk();
});
after(() => {
  putBack();
});

let account: BundleAccount;
beforeEach(() => {
  account = createBundleAccount();
});

const context: TaskContext = { getRemainingTimeInMillis: () => 60_000, awsRequestId: "request" };
const day = 24 * 60 * 60_000;

const surroundings = (): Surroundings => ({
  env: {
    AWS_REGION: region,
    DROVER_CLUSTER: "default",
    DROVER_BUNDLE_BUCKET: bucket,
    DROVER_BUNDLE_KEY: account.key,
    DROVER_BUNDLE_TRUSTED_KEYS: account.key,
    DROVER_KEEP_BUNDLES: "2",
    DROVER_KEEP_DAYS: "30",
  },
  clock: account.clock,
  random: () => 0.5,
  awsHandler: account.handler(),
  connect: () => {
    throw new Error("no cluster is asked");
  },
  write: () => undefined,
});
const call = (create: (given: Surroundings) => TaskHandler, event: unknown) =>
  create(surroundings())(event, context);

const publish = async (text: string, promote = true): Promise<string> => {
  const built = buildSome(text);
  await publishBundle(account.desk(), built, [], {
    pool: "workers",
    promote,
    mover: { who: "ada", now: account.clock.now() },
  });
  return built.manifest.sha256;
};
const report = (instanceId: string, bundle: string, time = account.clock.now()) =>
  account.s3.put(
    bucket,
    `reports/workers/AROAEXAMPLE:${instanceId}`,
    `drover-report 1
pool workers
time ${new Date(time).toISOString().slice(0, 19)}Z
state ready
bundle ${bundle}
serial 1
seconds 12
step done
reason -
service consul healthy
`,
  );

describe("Read order", () => {
  it("names the execution where nobody is named", async () => {
    const input = { action: "withdraw", pool: "workers" };
    assert.deepEqual(await call(createRead, { input, execution: "night-shift" }), {
      ...input,
      who: "publish-bundle night-shift",
    });
    const named = { ...input, by: "ada" };
    assert.deepEqual(await call(createRead, { input: named, execution: "x" }), {
      ...named,
      who: "ada",
    });
  });
});

describe("Check bundle and Move channel", () => {
  const run = async (order: { readonly action: string; readonly bundle?: string }) => {
    const full = { pool: "workers", who: "ada", ...order };
    const found = await call(createCheck, { order: full });
    return (await call(createMove, { order: full, bundle: found })) as Record<string, unknown>;
  };

  it("promote the candidate, and lead back", async () => {
    const [one, two] = [await publish("one"), await publish("two", false)];
    assert.deepEqual(await run({ action: "promote" }), {
      pool: "workers",
      move: "promoted",
      moved: two,
      why: null,
      serial: 3,
      current: two,
      candidate: null,
      previous: one,
    });
    assert.equal((await run({ action: "rollback" }))["current"], one);
    assert.equal((await run({ action: "publish", bundle: two }))["candidate"], two);
  });

  it("withdraw without a bundle", async () => {
    await publish("one", false);
    const order = { action: "withdraw", pool: "workers", who: "ada" };
    const moved = (await call(createMove, { order })) as Record<string, unknown>;
    assert.deepEqual([moved["move"], moved["candidate"]], ["withdrawn", null]);
  });

  it("refuse an archive that is not what was signed, to its last byte", async () => {
    const [one] = [await publish("one"), await publish("two")];
    account.s3.put(bucket, archiveKey("workers", one), Buffer.from("1f8b0800", "hex"));
    await assert.rejects(
      run({ action: "rollback" }),
      (error) => error instanceof InputRefused && /machines refuse it/.test(error.message),
    );
  });

  it("refuse what was never signed: to put an object there is not enough", async () => {
    const one = await publish("one");
    const other = "f".repeat(64);
    account.s3.put(bucket, archiveKey("workers", other), "whatever");
    account.s3.put(
      bucket,
      manifestKey("workers", other),
      `drover-manifest 1\npool workers\nsha256 ${other}\nbytes 1\nentries 1\n`,
    );
    const signature = account.s3.get(bucket, signatureKey("workers", one));
    account.s3.put(bucket, signatureKey("workers", other), signature?.content.bytes ?? "");
    await assert.rejects(run({ action: "promote", bundle: other }), /not signed by the key/);
    assert.equal(account.channel()?.current, one);
  });
});

describe("Show bundles", () => {
  it("tells what is where, and how many machines run it", async () => {
    const one = await publish("one");
    report("i-0a", one);
    report("i-0b", one);
    account.s3.put(bucket, "reports/workers/AROAEXAMPLE:i-0c", "nonsense");
    const shown = (await call(createShow, { order: { pool: "workers" } })) as {
      readonly bundles: readonly { readonly sha256: string; readonly machines: number }[];
      readonly notReady: readonly unknown[];
    };
    assert.deepEqual(
      shown.bundles.map(({ sha256, machines }) => [sha256, machines]),
      [[one, 2]],
    );
    assert.deepEqual(shown.notReady, [
      { instanceId: "i-0c", bundle: null, state: "unreadable", time: null, reason: null },
    ]);
  });
});

describe("Prune bundles", () => {
  const stored = (): string[] =>
    Object.keys(account.contents())
      .filter((key) => key.endsWith(".tar.gz"))
      .map((key) => key.slice("bundles/workers/".length, -".tar.gz".length));
  const prune = () => call(createPrune, {}) as Promise<readonly Record<string, unknown>[]>;
  /** Six bundles, each current for a day; the last one is current. */
  const history = async (): Promise<readonly string[]> => {
    const all: string[] = [];
    for (const name of ["a", "b", "c", "d", "e", "f"]) {
      all.push(await publish(name));
      account.pass(day);
    }
    account.pass(40 * day);
    return all;
  };

  it("removes what is old, beyond those that are kept, and in use nowhere", async () => {
    const all = await history();
    report("i-0000000a", all[1] ?? "");
    account.ec2.put({ id: "i-0000000a", state: "running" });
    const [pruned] = await prune();
    assert.deepEqual(pruned?.["removed"], [all[0], all[2], all[3]]);
    assert.deepEqual(new Set(stored()), new Set([all[1], all[4], all[5]]));
    for (const name of Object.keys(account.contents()))
      assert.equal(name.includes(all[0] ?? "?"), false, name);
  });

  it("forgets the reports of machines that have ended, after the same time", async () => {
    const all = await history();
    // Whatever a machine takes for the time.
    report("i-0000000a", all[0] ?? "", account.clock.now() + 1_000 * day);
    report("i-0000000c", all[5] ?? "");
    account.pass(31 * day);
    report("i-0000000b", all[0] ?? "", account.clock.now() - 1_000 * day);
    account.ec2.put({ id: "i-0000000c", state: "running" });
    const [pruned] = await prune();
    assert.equal(pruned?.["reportsRemoved"], 1);
    const reports = Object.keys(account.contents()).filter((key) => key.startsWith("reports/"));
    assert.deepEqual(
      reports.map((key) => key.slice(-10)),
      ["i-0000000b", "i-0000000c"],
    );
    // Whoever has ended runs nothing.
    assert.equal(stored().includes(all[0] ?? ""), false);
  });

  it("removes none while it cannot read what a living machine runs", async () => {
    const all = await history();
    account.s3.put(bucket, "reports/workers/AROAEXAMPLE:i-0000000a", "nonsense");
    account.ec2.put({ id: "i-0000000a", state: "running" });
    const [pruned] = await prune();
    assert.match(String(pruned?.["why"]), /i-0000000a cannot be read/);
    assert.equal(stored().length, all.length);
  });

  it("finishes what another run began", async () => {
    const all = await history();
    account.s3.remove(bucket, signatureKey("workers", all[0] ?? ""));
    account.s3.remove(bucket, manifestKey("workers", all[0] ?? ""));
    await prune();
    assert.deepEqual(new Set(stored()), new Set(all.slice(4)));
  });

  it("touches no pool whose channel it cannot trust, and fails when it is done with the others", async () => {
    const all = await history();
    account.s3.put(bucket, "channels/elsewhere", "drover-channel 1\n");
    await assert.rejects(
      prune(),
      (error) => error instanceof InputRefused && /channels\/elsewhere/.test(error.message),
    );
    assert.deepEqual(new Set(stored()), new Set(all.slice(4)));
  });
});
