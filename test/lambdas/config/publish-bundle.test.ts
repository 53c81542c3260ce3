import assert from "node:assert/strict";
import { verify } from "node:crypto";
import { describe, it } from "node:test";
import { openDesk } from "../../../lambdas/config/bundle-desk.ts";
import { splitChannel } from "../../../lambdas/config/channel.ts";
import { archiveKey, channelKey, manifestKey, signatureKey } from "../../../lambdas/config/keys.ts";
import {
  promoteStored,
  publishBundle,
  rollBackChannel,
  withdrawCandidate,
} from "../../../lambdas/config/publish-bundle.ts";
import type { PinnedBinary } from "../../../lambdas/config/plan.ts";
import type { BuiltBundle } from "../../../lambdas/config/store-bundle.ts";
import { bucket, recordCalls, region, withEach } from "./bundle-account.ts";
import {
  order,
  atOnce,
  one,
  two,
  three,
  digests,
  isRefused,
  publishTo,
  pointersOf,
} from "./publishing.ts";
import { useBundleAccount } from "./use-bundle-account.ts";

const account = useBundleAccount();

const publish = (built: BuiltBundle, how = order, desk = account().desk()) =>
  publishTo(desk, built, how);
const pointers = (pool?: string) => pointersOf(account(), pool);

describe("publishing", () => {
  it("stores archive, manifest and signature, and the channel last", async () => {
    const { calls, onCall } = recordCalls();
    const written: string[] = [];
    const requestHandler = withEach(account().handler({ onCall }), ({ method, path }) => {
      if (method === "PUT") written.push(path.slice(1));
    });
    const desk = openDesk(
      { region, maxAttempts: 3, requestHandler },
      account().place,
      account().clock,
    );
    const published = await publish(one, order, desk);
    assert.equal(published.isNew, true);
    assert.equal(published.step?.move, "published");
    assert.deepEqual(pointers(), {
      current: undefined,
      candidate: digests.one,
      previous: undefined,
      serial: 1,
    });
    assert.deepEqual(written, [
      archiveKey("workers", digests.one),
      manifestKey("workers", digests.one),
      signatureKey("workers", digests.one),
      channelKey("workers"),
    ]);
    assert.equal(calls.filter((call) => call === "kms Sign").length, 2);
  });

  it("signs manifest and channel so that a machine's openssl finds them good", async () => {
    await publish(one);
    const read = (key: string) => account().s3.get(bucket, key)?.content.bytes ?? new Uint8Array();
    const key = account().kms.publicKey(account().key);
    const manifest = read(manifestKey("workers", digests.one));
    assert.ok(verify("sha256", manifest, key, read(signatureKey("workers", digests.one))));
    const channel = splitChannel(Buffer.from(read(channelKey("workers"))).toString());
    assert.ok(verify("sha256", Buffer.from(channel.text), key, channel.signature));
  });

  it("says in the history who did what, when, and from which source", async () => {
    await publish(one);
    assert.deepEqual(account().channel()?.history, [
      {
        serial: 1,
        time: "2026-11-25T10:00:00Z",
        move: "published",
        sha256: digests.one,
        revision: "0123456789ab",
        who: "ada",
      },
    ]);
  });

  it("changes nothing when it is run again", async () => {
    await publish(one);
    const stored = account().contents();
    const { calls, onCall } = recordCalls();
    const again = await publish(one, order, account().desk({ onCall }));
    assert.equal(again.isNew, false);
    assert.equal(again.step, undefined);
    assert.equal(again.why, "it is the candidate already");
    assert.deepEqual(account().contents(), stored);
    assert.equal(calls.includes("kms Sign"), false);
  });

  it("makes a bundle the current one at once where that is asked for", async () => {
    await publish(one, atOnce);
    await publish(two, atOnce);
    assert.deepEqual(pointers(), {
      current: digests.two,
      candidate: undefined,
      previous: digests.one,
      serial: 2,
    });
  });

  it("takes a candidate back when the source is the current bundle again", async () => {
    await publish(one, atOnce);
    await publish(two);
    const back = await publish(one);
    assert.equal(back.step?.move, "withdrawn");
    assert.equal(back.step.sha256, digests.two);
    assert.equal(pointers().candidate, undefined);
  });

  it("needs the bundle's binaries in the bucket, and names all that are not right", async () => {
    const binary = (name: string, bytes?: number): PinnedBinary => ({
      arch: "amd64",
      sha256: name.repeat(64),
      source: `binaries/${name.repeat(64)}`,
      mode: "0755",
      path: `/usr/local/bin/${name}`,
      ...(bytes !== undefined && { bytes }),
    });
    account().s3.put(bucket, `binaries/${"b".repeat(64)}`, "four");
    account().s3.put(bucket, `binaries/${"c".repeat(64)}`, "four");
    const url = { ...binary("d"), source: "https://example.com/d" };
    await assert.rejects(
      publishBundle(
        account().desk(),
        one,
        [binary("a"), binary("b", 5), binary("c", 4), url],
        order,
      ),
      isRefused(/bin\/a: there is no binaries\/a{64}.*\n.*bin\/b: binaries\/b{64} has 4 bytes/),
    );
    assert.equal(account().channel(), undefined);
    await publishBundle(account().desk(), one, [binary("c", 4), url], order);
    assert.equal(pointers().candidate, digests.one);
  });
});

describe("promoting, rolling back and withdrawing", () => {
  it("promotes the candidate, and leads back to the bundle before", async () => {
    await publish(one, atOnce);
    await publish(two);
    await promoteStored(account().desk(), order);
    assert.deepEqual([pointers().current, pointers().previous], [digests.two, digests.one]);
    const back = await rollBackChannel(account().desk(), order);
    assert.equal(back.step?.move, "rolled-back");
    assert.deepEqual(pointers(), {
      current: digests.one,
      candidate: undefined,
      previous: digests.two,
      serial: 4,
    });
  });

  it("leads back to any bundle that is stored", async () => {
    for (const built of [one, two, three]) await publish(built, atOnce);
    await rollBackChannel(account().desk(), order, digests.one);
    assert.equal(pointers().current, digests.one);
  });

  it("withdraws the candidate", async () => {
    await publish(one, atOnce);
    await publish(two);
    await withdrawCandidate(account().desk(), order);
    assert.deepEqual([pointers().current, pointers().candidate], [digests.one, undefined]);
    assert.equal((await withdrawCandidate(account().desk(), order)).why, "there is no candidate");
  });

  it("says what is missing", async () => {
    await assert.rejects(promoteStored(account().desk(), order), isRefused(/nothing was ever/));
    await assert.rejects(rollBackChannel(account().desk(), order), isRefused(/nothing was ever/));
    await publish(one, atOnce);
    await assert.rejects(promoteStored(account().desk(), order), isRefused(/has no candidate/));
    await assert.rejects(
      rollBackChannel(account().desk(), order),
      isRefused(/had no bundle before/),
    );
    await assert.rejects(
      rollBackChannel(account().desk(), order, digests.two),
      isRefused(/there is no bundles\/workers\/.*tar\.gz, no .*manifest, no .*sig/),
    );
  });
});
