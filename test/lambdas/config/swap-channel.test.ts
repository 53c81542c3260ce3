import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HttpHandler } from "@smithy/protocol-http";
import { openDesk, PublishingRefused } from "../../../lambdas/config/bundle-desk.ts";
import { archiveKey, channelKey } from "../../../lambdas/config/keys.ts";
import { promoteStored } from "../../../lambdas/config/publish-bundle.ts";
import { publish } from "../../../lambdas/config/rules/move-channel.ts";
import { storeBundle } from "../../../lambdas/config/store-bundle.ts";
import { swapChannel } from "../../../lambdas/config/swap-channel.ts";
import { beginning, bucket, buildSome, region } from "./bundle-account.ts";
import { useBundleAccount } from "./use-bundle-account.ts";

const account = useBundleAccount();

const [one, two] = ["1", "2"].map((digit) => digit.repeat(64)) as [string, string];
const nominate = (sha256: string, who: string, desk = account().desk()) =>
  swapChannel(desk, "workers", (channel) =>
    publish("workers", channel, sha256, { who, now: beginning }),
  );

/** A desk to which something happens once its channel was written, before it hears of that. */
const afterWriting = (happens: () => Promise<unknown>) => {
  const through = account().handler();
  let isFirst = true;
  const requestHandler: HttpHandler = {
    ...through,
    handle: async (...given: Parameters<HttpHandler["handle"]>) => {
      const answer = await through.handle(...given);
      const [{ method, path }] = given;
      if (method !== "PUT" || !path.endsWith(channelKey("workers")) || !isFirst) return answer;
      isFirst = false;
      await happens();
      throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
    },
  };
  return openDesk({ region, maxAttempts: 3, requestHandler }, account().place, account().clock);
};
const isRefused = (said: RegExp) => (error: unknown) =>
  error instanceof PublishingRefused && said.test(error.message);

describe("a move whose answer was lost", () => {
  it("is told as done when nothing came after it", async () => {
    const { step } = await nominate(
      one,
      "ada",
      afterWriting(async () => {}),
    );
    assert.deepEqual([step?.serial, step?.who], [1, "ada"]);
  });

  it("is told as done, and by whom it was overtaken", async () => {
    const overtaken = nominate(
      one,
      "ada",
      afterWriting(() => nominate(two, "grace")),
    );
    await assert.rejects(
      overtaken,
      isRefused(
        /moved by you \(serial 1\), and at once again \(grace was next: 2{64} .* \(serial 2\)/,
      ),
    );
    assert.deepEqual(
      account()
        .channel()
        ?.history.map(({ who }) => who),
      ["ada", "grace"],
    );
  });
});

describe("a bundle that is removed while the channel is moved to it", () => {
  it("is told as what the channel points to, with the way out", async () => {
    const built = buildSome("one");
    const { sha256 } = built.manifest;
    await storeBundle(account().desk(), built);
    const desk = afterWriting(() =>
      Promise.resolve(account().s3.remove(bucket, archiveKey("workers", sha256))),
    );
    await assert.rejects(
      promoteStored(desk, { pool: "workers", mover: { who: "ada", now: beginning } }, sha256),
      isRefused(
        /there is no bundles\/workers\/.*tar\.gz.* the channel points to it \(serial 1\): publish its source again, or roll back/,
      ),
    );
  });
});
