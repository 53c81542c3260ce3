import assert from "node:assert/strict";
import { verify } from "node:crypto";
import { after, before, beforeEach, describe, it } from "node:test";
import * as fc from "fast-check";
import { openDesk, PublishingRefused } from "../../../lambdas/config/bundle-desk.ts";
import { splitChannel } from "../../../lambdas/config/channel.ts";
import { archiveKey, channelKey, manifestKey, signatureKey } from "../../../lambdas/config/keys.ts";
import {
  promoteStored,
  publishBundle,
  type PublishOrder,
  rollBackChannel,
  withdrawCandidate,
} from "../../../lambdas/config/publish-bundle.ts";
import type { PinnedBinary } from "../../../lambdas/config/plan.ts";
import type { BuiltBundle } from "../../../lambdas/config/store-bundle.ts";
import { isolateSdk } from "../../../rehearsal/world/sdk-environment.ts";
import {
  beginning,
  bucket,
  buildSome,
  type BundleAccount,
  createBundleAccount,
  Killed,
  killedAt,
  recordCalls,
  region,
  withEach,
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

const order: PublishOrder = {
  pool: "workers",
  promote: false,
  mover: { who: "ada", now: beginning, revision: "0123456789ab" },
};
const atOnce: PublishOrder = { ...order, promote: true };
const [one, two, three] = ["one", "two", "three"].map((text) => buildSome(text));
assert.ok(one && two && three);
const digests = {
  one: one.manifest.sha256,
  two: two.manifest.sha256,
  three: three.manifest.sha256,
};

const publish = (built: BuiltBundle, how = order, desk = account.desk()) =>
  publishBundle(desk, built, [], how);
const pointers = (pool?: string) => {
  const { current, candidate, previous, serial } = account.channel(pool) ?? {};
  return { current, candidate, previous, serial };
};
const isRefused = (said: RegExp) => (error: unknown) =>
  error instanceof PublishingRefused && said.test(error.message);

describe("publishing", () => {
  it("stores archive, manifest and signature, and the channel last", async () => {
    const { calls, onCall } = recordCalls();
    const written: string[] = [];
    const requestHandler = withEach(account.handler({ onCall }), ({ method, path }) => {
      if (method === "PUT") written.push(path.slice(1));
    });
    const desk = openDesk({ region, maxAttempts: 3, requestHandler }, account.place, account.clock);
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
    const read = (key: string) => account.s3.get(bucket, key)?.content.bytes ?? new Uint8Array();
    const key = account.kms.publicKey(account.key);
    const manifest = read(manifestKey("workers", digests.one));
    assert.ok(verify("sha256", manifest, key, read(signatureKey("workers", digests.one))));
    const channel = splitChannel(Buffer.from(read(channelKey("workers"))).toString());
    assert.ok(verify("sha256", Buffer.from(channel.text), key, channel.signature));
  });

  it("says in the history who did what, when, and from which source", async () => {
    await publish(one);
    assert.deepEqual(account.channel()?.history, [
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
    const stored = account.contents();
    const { calls, onCall } = recordCalls();
    const again = await publish(one, order, account.desk({ onCall }));
    assert.equal(again.isNew, false);
    assert.equal(again.step, undefined);
    assert.equal(again.why, "it is the candidate already");
    assert.deepEqual(account.contents(), stored);
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
    account.s3.put(bucket, `binaries/${"b".repeat(64)}`, "four");
    account.s3.put(bucket, `binaries/${"c".repeat(64)}`, "four");
    const url = { ...binary("d"), source: "https://example.com/d" };
    await assert.rejects(
      publishBundle(account.desk(), one, [binary("a"), binary("b", 5), binary("c", 4), url], order),
      isRefused(/bin\/a: there is no binaries\/a{64}.*\n.*bin\/b: binaries\/b{64} has 4 bytes/),
    );
    assert.equal(account.channel(), undefined);
    await publishBundle(account.desk(), one, [binary("c", 4), url], order);
    assert.equal(pointers().candidate, digests.one);
  });
});

describe("promoting, rolling back and withdrawing", () => {
  it("promotes the candidate, and leads back to the bundle before", async () => {
    await publish(one, atOnce);
    await publish(two);
    await promoteStored(account.desk(), order);
    assert.deepEqual([pointers().current, pointers().previous], [digests.two, digests.one]);
    const back = await rollBackChannel(account.desk(), order);
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
    await rollBackChannel(account.desk(), order, digests.one);
    assert.equal(pointers().current, digests.one);
  });

  it("withdraws the candidate", async () => {
    await publish(one, atOnce);
    await publish(two);
    await withdrawCandidate(account.desk(), order);
    assert.deepEqual([pointers().current, pointers().candidate], [digests.one, undefined]);
    assert.equal((await withdrawCandidate(account.desk(), order)).why, "there is no candidate");
  });

  it("says what is missing", async () => {
    await assert.rejects(promoteStored(account.desk(), order), isRefused(/nothing was ever/));
    await assert.rejects(rollBackChannel(account.desk(), order), isRefused(/nothing was ever/));
    await publish(one, atOnce);
    await assert.rejects(promoteStored(account.desk(), order), isRefused(/has no candidate/));
    await assert.rejects(rollBackChannel(account.desk(), order), isRefused(/had no bundle before/));
    await assert.rejects(
      rollBackChannel(account.desk(), order, digests.two),
      isRefused(/there is no bundles\/workers\/.*tar\.gz, no .*manifest, no .*sig/),
    );
  });
});

describe("what is stored and not as it has to be", () => {
  const put = (key: string, content: string | Uint8Array) => account.s3.put(bucket, key, content);

  interface Damage {
    readonly name: string;
    readonly make: () => void | Promise<void>;
    readonly said: RegExp;
  }
  const damages: readonly Damage[] = [
    {
      name: "another archive under its name",
      make: () => put(archiveKey("workers", digests.one), "not even gzip"),
      said: /tar\.gz is no gzip/,
    },
    {
      name: "another manifest under its name",
      make: () => put(manifestKey("workers", digests.one), "drover-manifest 1\n"),
      said: /manifest is not what the archive says/,
    },
    {
      name: "a channel that nobody signed",
      make: () => put(channelKey("workers"), "drover-channel 1\npool workers\n"),
      said: /channels\/workers is no channel .*signature/,
    },
    {
      name: "a channel that is no text",
      make: () => put(channelKey("workers"), Buffer.from([0xff, 0xfe, 0x00])),
      said: /channels\/workers is no channel \(it is not UTF-8\)/,
    },
    ...[
      channelKey("workers"),
      manifestKey("workers", digests.one),
      signatureKey("workers", digests.one),
    ].map((key) => ({
      name: `more than anybody writes, as ${key}`,
      make: () => put(key, "x".repeat(1024 * 1024 + 1)),
      said: new RegExp(`${key} has more than 1048576 bytes.*bring back the version before it`),
    })),
    {
      name: "the channel of another pool",
      make: async () => {
        await publish(buildSome("other", { pool: "others" }), { ...order, pool: "others" });
        const other = account.s3.get(bucket, channelKey("others"));
        put(channelKey("workers"), other?.content.bytes ?? "");
      },
      said: /is the channel of the pool others/,
    },
    {
      name: "a channel of another key",
      make: async () => {
        const key = account.kms.createKey();
        const place = { bucket, key, trustedKeys: [key] };
        account.s3.remove(bucket, channelKey("workers"));
        await publish(two, order, account.desk({}, place));
      },
      said: /channels\/workers is not signed by the key/,
    },
  ];
  for (const { name, make, said } of damages) {
    it(`is refused: ${name}`, async () => {
      await publish(one);
      await make();
      const stored = account.contents();
      await assert.rejects(publish(one, atOnce), isRefused(said));
      assert.deepEqual(account.contents(), stored);
    });
  }

  const untrusted: readonly (Damage & { readonly target: string })[] = [
    {
      name: "a manifest whose signature is of another key",
      make: () => put(signatureKey("workers", digests.two), Buffer.from("3006020101020101", "hex")),
      target: digests.two,
      said: /manifest is not signed/,
    },
    {
      name: "the manifest of another bundle",
      make: () => {
        for (const key of [manifestKey, signatureKey]) {
          const other = account.s3.get(bucket, key("workers", digests.one));
          put(key("workers", digests.two), other?.content.bytes ?? "");
        }
      },
      target: digests.two,
      said: /its manifest is that of/,
    },
    {
      name: "a bundle of another pool",
      make: async () => {
        const { manifest } = buildSome("other", { pool: "others" });
        await publish(buildSome("other", { pool: "others" }), { ...order, pool: "others" });
        for (const key of [archiveKey, manifestKey, signatureKey]) {
          const other = account.s3.get(bucket, key("others", manifest.sha256));
          put(key("workers", manifest.sha256), other?.content.bytes ?? "");
        }
      },
      target: buildSome("other").manifest.sha256,
      said: /it was made for the pool others/,
    },
  ];
  for (const { name, make, target, said } of untrusted) {
    it(`is not run: ${name}`, async () => {
      await publish(one, atOnce);
      await publish(two);
      await make();
      const stored = account.contents();
      await assert.rejects(promoteStored(account.desk(), order, target), isRefused(said));
      await assert.rejects(rollBackChannel(account.desk(), order, target), isRefused(said));
      assert.deepEqual(account.contents(), stored);
    });
  }

  it("is signed anew when its signature is of a key that is trusted no longer", async () => {
    const next = account.kms.createKey();
    await publish(one, atOnce);
    const both = { bucket, key: next, trustedKeys: [account.key, next] };
    await publish(two, atOnce, account.desk({}, both));
    const alone = { bucket, key: next, trustedKeys: [next] };
    await assert.rejects(
      promoteStored(account.desk({}, alone), order, digests.one),
      isRefused(/not signed/),
    );
    await publish(one, order, account.desk({}, alone));
    await promoteStored(account.desk({}, alone), order);
    assert.equal(pointers().current, digests.one);
  });
});

describe("a key that takes the place of another", () => {
  it("signs what is published once more, and nothing else changes", async () => {
    await publish(one, atOnce);
    const before = { contents: account.contents(), pointers: pointers() };
    const next = account.kms.createKey();
    const replaced = { bucket, key: next, trustedKeys: [next, account.key] };
    await publish(one, order, account.desk({}, replaced));
    assert.deepEqual(pointers(), before.pointers);
    const changed = Object.entries(account.contents())
      .filter(([key, content]) => before.contents[key] !== content)
      .map(([key]) => key);
    assert.deepEqual(changed, [signatureKey("workers", digests.one), channelKey("workers")]);
    // Whoever trusts the new one alone can go on from there.
    const alone = account.desk({}, { bucket, key: next, trustedKeys: [next] });
    const signed = account.contents();
    await publish(one, order, alone);
    assert.deepEqual(account.contents(), signed);
  });
});

describe("two publishers at once", () => {
  it("one wins, and the other is told who was first", async () => {
    const grace: PublishOrder = { ...order, mover: { ...order.mover, who: "grace" } };
    // Both have read the channel before one of them writes it.
    let arrived = 0;
    let open = () => {};
    const both = new Promise<void>((resolve) => (open = resolve));
    const desk = () =>
      openDesk(
        {
          region,
          maxAttempts: 3,
          requestHandler: withEach(account.handler(), async ({ method, path }) => {
            if (method !== "PUT" || !path.endsWith(channelKey("workers"))) return;
            if (++arrived === 2) open();
            await both;
          }),
        },
        account.place,
        account.clock,
      );
    const results = await Promise.allSettled([
      publish(one, order, desk()),
      publish(two, grace, desk()),
    ]);
    const lost = results.filter((result) => result.status === "rejected");
    assert.equal(lost.length, 1);
    assert.match(String(lost[0]?.reason), /was moved meanwhile.*(ada|grace) was first/);
    assert.equal(account.channel()?.serial, 1);
    // And the one that lost can simply be run again.
    const again = results[0].status === "rejected" ? one : two;
    await publish(again);
    assert.equal(pointers().candidate, again.manifest.sha256);
  });

  it("store the same bundle once", async () => {
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => publish(one)));
    assert.ok(results.some(({ status }) => status === "fulfilled"));
    assert.equal(pointers().candidate, digests.one);
    assert.equal(account.channel()?.serial, 1);
  });

  it("each serial is given once, however they meet", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom(one, two, three), { minLength: 2, maxLength: 4 }),
        async (scheduler, all) => {
          account = createBundleAccount();
          const through = account.handler();
          const desk = () =>
            openDesk(
              {
                region,
                maxAttempts: 1,
                requestHandler: withEach(through, () =>
                  scheduler.schedule(Promise.resolve(), "request"),
                ),
              },
              account.place,
              account.clock,
            );
          const done = Promise.allSettled(all.map((built) => publish(built, atOnce, desk())));
          const results = await scheduler.waitFor(done);
          const history = account.channel()?.history ?? [];
          const steps = results.flatMap((each) =>
            each.status === "fulfilled" && each.value.step ? [each.value.step] : [],
          );
          for (const each of results)
            if (each.status === "rejected") assert.ok(each.reason instanceof PublishingRefused);
          assert.deepEqual(
            history.map(({ serial }) => serial),
            history.map((_, index) => index + 1),
          );
          // What a publisher was told that it did, is what the history says.
          assert.deepEqual(
            steps.map(({ serial }) => serial).toSorted((a, b) => a - b),
            history.map(({ serial }) => serial),
          );
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("an answer that was lost", () => {
  for (const operation of ["PutObject", "Sign"]) {
    it(`to a ${operation} that was carried out does no harm`, async () => {
      for (let nth = 1; nth <= 4; nth += 1) {
        account = createBundleAccount();
        let count = 0;
        const through = account.handler();
        const requestHandler = {
          ...through,
          handle: async (...given: Parameters<typeof through.handle>) => {
            const answer = await through.handle(...given);
            const { method, headers } = given[0];
            const isMeant =
              operation === "Sign"
                ? headers["x-amz-target"] === "TrentService.Sign"
                : method === "PUT";
            if (isMeant && ++count === nth)
              throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
            return answer;
          },
        };
        const desk = openDesk(
          { region, maxAttempts: 3, requestHandler },
          account.place,
          account.clock,
        );
        const published = await publish(one, order, desk);
        assert.equal(published.step?.move, "published", `the ${nth}th`);
        assert.deepEqual([pointers().candidate, pointers().serial], [digests.one, 1]);
      }
    });
  }
});

describe("a publisher that ends anywhere", () => {
  for (const when of ["before", "after"] as const) {
    it(`leaves the channel whole, ${when} each of its requests, and is simply run again`, async () => {
      const { calls, onCall } = recordCalls();
      await publish(one, atOnce);
      await publish(two, order, account.desk({ onCall }));
      assert.ok(calls.length >= 10, `${calls.length} requests`);
      for (let request = 1; request <= calls.length; request += 1) {
        account = createBundleAccount();
        await publish(one, atOnce);
        const mortal = openDesk(
          { region, maxAttempts: 1, requestHandler: killedAt(account, request, when) },
          account.place,
          account.clock,
        );
        await assert.rejects(publish(two, order, mortal), Killed);
        const at = `at request ${request}, ${calls[request - 1]}`;
        const { candidate, current, serial } = pointers();
        assert.equal(current, digests.one, at);
        assert.deepEqual(
          [candidate, serial],
          candidate === undefined ? [undefined, 1] : [digests.two, 2],
          at,
        );
        await publish(two);
        assert.deepEqual([pointers().candidate, pointers().serial], [digests.two, 2], at);
        await promoteStored(account.desk(), order);
      }
    });
  }
});
