import assert from "node:assert/strict";
import { after, beforeEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { archiveKey, channelKey, manifestKey, signatureKey } from "../../../lambdas/config/keys.ts";
import { isolateSdk } from "../../../rehearsal/world/sdk-environment.ts";
import { bucket } from "../../lambdas/config/bundle-account.ts";
import { createMachineWorld } from "./machine-world.ts";

let here: ReturnType<typeof createMachineWorld>;
const putBack = isolateSdk();
after(putBack);
beforeEach(() => (here = createMachineWorld()));

const put = (key: string, content: string | Uint8Array) =>
  here.account.s3.put(bucket, key, content);
const contentOf = (key: string): Uint8Array =>
  here.account.s3.get(bucket, key)?.content.bytes ?? assert.fail(key);
const running = () => here.disk.installations.at(-1)?.bundle;

describe("a machine that boots", () => {
  it("runs the current bundle, whatever the candidate is, and reports it", async () => {
    const one = await here.publish("one", true);
    await here.publish("two");
    const report = await here.pull();
    assert.equal(report.state, "ready");
    assert.equal(running(), one);
    assert.equal(here.disk.installations[0]?.content, one);
    assert.deepEqual(here.report(), report);
    assert.deepEqual([report.bundle, report.serial], [one, 2]);
  });

  it("runs the candidate if its tag names it", async () => {
    await here.publish("one", true);
    const two = await here.publish("two");
    here.setTag(two);
    assert.equal((await here.pull()).state, "ready");
    assert.equal(running(), two);
  });

  it("refuses a tag that names neither, and one that is no digest", async () => {
    const one = await here.publish("one", true);
    await here.publish("two", true);
    for (const [tag, reason] of [
      [one, /names \w+, which is neither current nor candidate of pool workers/],
      ["latest", /is 'latest', which is no digest/],
    ] as const) {
      here.setTag(tag);
      const report = await here.pull();
      assert.equal(report.state, "failed");
      assert.match(report.reason ?? "", reason);
      assert.equal(running(), undefined);
    }
  });

  it("waits for its tag where it was told to", async () => {
    here = createMachineWorld({ assignment: "wait", bootSeconds: 10 });
    await here.publish("one", true);
    const report = await here.pull();
    assert.equal(report.state, "failed");
    assert.match(report.reason ?? "", /^gave up: the tag drover:bundle did not come within 10 s$/);
  });

  it("comes to nothing without a current bundle", async () => {
    await here.publish("one");
    const report = await here.pull();
    assert.match(report.reason ?? "", /pool workers has no current bundle yet: promote one first/);
  });
});

describe("a machine that looks again", () => {
  it("follows the channel, and takes a tag that names neither for one of its launch", async () => {
    await here.publish("one", true);
    const two = await here.publish("two");
    here.setTag(two);
    await here.pull();
    const three = await here.publish("three", true);
    assert.equal((await here.pull()).state, "ready");
    assert.equal(running(), three);
    assert.equal(here.disk.installations.length, 2);
  });

  it("keeps what it has when an old channel is put back", async () => {
    await here.publish("one", true);
    const old = contentOf(channelKey("workers"));
    const two = await here.publish("two", true);
    await here.pull();
    put(channelKey("workers"), old);
    const report = await here.pull();
    assert.equal(report.state, "kept");
    assert.match(report.reason ?? "", /has serial 1, and this machine has seen 2: somebody put/);
    assert.deepEqual([running(), report.bundle, report.serial], [two, two, 2]);
  });
});

describe("a machine refuses", () => {
  const flip = (content: Uint8Array, at: number): Uint8Array => {
    const copy = Uint8Array.from(content);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  const cases: readonly (readonly [string, (one: string) => void, RegExp])[] = [
    [
      "a channel that was changed",
      () => put(channelKey("workers"), flip(contentOf(channelKey("workers")), 40)),
      /channels\/workers has a wrong signature/,
    ],
    [
      "a channel that was cut",
      () => put(channelKey("workers"), contentOf(channelKey("workers")).slice(0, -5)),
      /a channel has to end with its signature/,
    ],
    [
      "a manifest that was changed",
      (one) => put(manifestKey("workers", one), flip(contentOf(manifestKey("workers", one)), 60)),
      /\.manifest has a wrong signature/,
    ],
    [
      "the signature of something else",
      (one) => put(signatureKey("workers", one), "no signature at all"),
      /\.manifest has a wrong signature/,
    ],
    [
      "another archive",
      (one) => put(archiveKey("workers", one), gzipSync("another".padEnd(1024, "."))),
      /has the digest/,
    ],
    [
      "an archive that swells",
      (one) => put(archiveKey("workers", one), gzipSync("x".repeat(100_000))),
      /is no gzip of 1024 bytes/,
    ],
    [
      "what is no archive",
      (one) => put(archiveKey("workers", one), "an archive"),
      /is no gzip of 1024 bytes/,
    ],
  ];
  for (const [what, harm, reason] of cases)
    it(`${what}, at once`, async () => {
      const one = await here.publish("one", true);
      harm(one);
      const report = await here.pull();
      assert.equal(report.state, "failed");
      assert.match(report.reason ?? "", reason);
      assert.equal(report.seconds, 0);
      assert.equal(running(), undefined);
    });

  it("a serial below its floor", async () => {
    here = createMachineWorld({ serialFloor: 2 });
    await here.publish("one", true);
    assert.match((await here.pull()).reason ?? "", /has serial 1, .* take none below 2/);
    await here.publish("two", true);
    assert.equal((await here.pull()).state, "ready");
  });

  it("what another pool signed with the same key", async () => {
    await here.publish("one", true);
    const signed = contentOf(channelKey("workers"));
    here = createMachineWorld({ pool: "batch" });
    put(channelKey("batch"), signed);
    assert.match(
      (await here.pull()).reason ?? "",
      /is for pool workers, and this machine is of pool batch/,
    );
  });
});

describe("what may pass", () => {
  const failing = (isOver: () => boolean, status: number) => ({
    intercept: () =>
      isOver() ? undefined : new Response("<Error><Code>SlowDown</Code></Error>", { status }),
  });
  const within = (seconds: number) => {
    const end = here.account.clock.now() + seconds * 1000;
    return () => here.account.clock.now() >= end;
  };

  it("is tried again for as long as the machine may take to boot", async () => {
    const one = await here.publish("one", true);
    const report = await here.pull(failing(within(600), 503));
    assert.equal(report.state, "ready");
    assert.equal(running(), one);
    assert.ok(report.seconds >= 600 && report.seconds < 640, `${report.seconds} s`);
    const late = createMachineWorld({ bootSeconds: 60 });
    const failed = await late.pull(failing(() => false, 500));
    assert.equal(failed.state, "failed");
    assert.match(
      failed.reason ?? "",
      /^gave up: channels\/workers: answered 500 SlowDown, for \d+ s$/,
    );
  });

  it("keeps a machine that has a bundle from nothing for more than a minute", async () => {
    const one = await here.publish("one", true);
    await here.pull();
    const report = await here.pull(failing(() => false, 500));
    assert.deepEqual([report.state, running()], ["kept", one]);
    assert.ok(report.seconds >= 60 && report.seconds < 85, `${report.seconds} s`);
  });

  it("is a denial for a minute, since permissions take time to arrive", async () => {
    await here.publish("one", true);
    assert.equal((await here.pull(failing(within(40), 403))).state, "ready");
    const fresh = createMachineWorld();
    const report = await fresh.pull(failing(() => false, 403));
    assert.match(report.reason ?? "", /^refused: channels\/workers: answered 403 SlowDown$/);
    assert.ok(report.seconds >= 60 && report.seconds < 85, `${report.seconds} s`);
  });
});
