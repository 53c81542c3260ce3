import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { archiveKey, channelKey, manifestKey, signatureKey } from "../../../lambdas/config/keys.ts";
import { promoteStored, rollBackChannel } from "../../../lambdas/config/publish-bundle.ts";
import type { BuiltBundle } from "../../../lambdas/config/store-bundle.ts";
import { bucket, buildSome } from "./bundle-account.ts";
import {
  order,
  atOnce,
  one,
  two,
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

describe("what is stored and not as it has to be", () => {
  const put = (key: string, content: string | Uint8Array) => account().s3.put(bucket, key, content);

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
        const other = account().s3.get(bucket, channelKey("others"));
        put(channelKey("workers"), other?.content.bytes ?? "");
      },
      said: /is the channel of the pool others/,
    },
    {
      name: "a channel of another key",
      make: async () => {
        const key = account().kms.createKey();
        const place = { bucket, key, trustedKeys: [key] };
        account().s3.remove(bucket, channelKey("workers"));
        await publish(two, order, account().desk({}, place));
      },
      said: /channels\/workers is not signed by the key/,
    },
  ];
  for (const { name, make, said } of damages) {
    it(`is refused: ${name}`, async () => {
      await publish(one);
      await make();
      const stored = account().contents();
      await assert.rejects(publish(one, atOnce), isRefused(said));
      assert.deepEqual(account().contents(), stored);
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
          const other = account().s3.get(bucket, key("workers", digests.one));
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
          const other = account().s3.get(bucket, key("others", manifest.sha256));
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
      const stored = account().contents();
      await assert.rejects(promoteStored(account().desk(), order, target), isRefused(said));
      await assert.rejects(rollBackChannel(account().desk(), order, target), isRefused(said));
      assert.deepEqual(account().contents(), stored);
    });
  }

  it("is signed anew when its signature is of a key that is trusted no longer", async () => {
    const next = account().kms.createKey();
    await publish(one, atOnce);
    const both = { bucket, key: next, trustedKeys: [account().key, next] };
    await publish(two, atOnce, account().desk({}, both));
    const alone = { bucket, key: next, trustedKeys: [next] };
    await assert.rejects(
      promoteStored(account().desk({}, alone), order, digests.one),
      isRefused(/not signed/),
    );
    await publish(one, order, account().desk({}, alone));
    await promoteStored(account().desk({}, alone), order);
    assert.equal(pointers().current, digests.one);
  });
});

describe("a key that takes the place of another", () => {
  it("signs what is published once more, and nothing else changes", async () => {
    await publish(one, atOnce);
    const before = { contents: account().contents(), pointers: pointers() };
    const next = account().kms.createKey();
    const replaced = { bucket, key: next, trustedKeys: [next, account().key] };
    await publish(one, order, account().desk({}, replaced));
    assert.deepEqual(pointers(), before.pointers);
    const changed = Object.entries(account().contents())
      .filter(([key, content]) => before.contents[key] !== content)
      .map(([key]) => key);
    assert.deepEqual(changed, [signatureKey("workers", digests.one), channelKey("workers")]);
    // Whoever trusts the new one alone can go on from there.
    const alone = account().desk({}, { bucket, key: next, trustedKeys: [next] });
    const signed = account().contents();
    await publish(one, order, alone);
    assert.deepEqual(account().contents(), signed);
  });
});
