import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import type { HttpHandler } from "@smithy/protocol-http";
import {
  bundleObjectsClient,
  smallLimit,
  TooLarge,
} from "../../../lambdas/clients/bundle-objects.ts";
import { beginning, bucket, region } from "../config/bundle-account.ts";
import { useBundleAccount } from "../config/use-bundle-account.ts";

const account = useBundleAccount();

const client = (requestHandler: HttpHandler = account().handler()) =>
  bundleObjectsClient({ region, maxAttempts: 1, requestHandler }, bucket, account().clock);

async function* cut(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of body) {
    yield piece.subarray(0, 2);
    break;
  }
  throw Object.assign(new Error("aborted"), { code: "ECONNRESET" });
}

/** Cuts the bodies of the first so many answers in the middle. */
const cutting = (times: number) => {
  const through = account().handler();
  let count = 0;
  const handler: HttpHandler = {
    ...through,
    handle: async (...given: Parameters<HttpHandler["handle"]>) => {
      const answer = await through.handle(...given);
      count += 1;
      if (count <= times)
        answer.response.body = Readable.from(cut(answer.response.body as Readable));
      return answer;
    },
  };
  return { handler, count: () => count };
};

describe("a small object", () => {
  it("is read whole, up to its limit", async () => {
    account().s3.put(bucket, "channels/workers", "x".repeat(smallLimit));
    const found = await client().read("channels/workers");
    assert.equal(found?.content.length, smallLimit);
    account().s3.put(bucket, "channels/workers", "x".repeat(smallLimit + 1));
    await assert.rejects(client().read("channels/workers"), TooLarge);
  });

  it("is not there where there is none", async () => {
    assert.equal(await client().read("channels/workers"), undefined);
    assert.equal(await client().size("channels/workers"), undefined);
    assert.equal(await client().open("channels/workers"), undefined);
  });

  it("is read again when its answer was cut in the middle", async () => {
    account().s3.put(bucket, "channels/workers", "hello");
    const { handler, count } = cutting(2);
    const found = await client(handler).read("channels/workers");
    assert.equal(Buffer.from(found?.content ?? "").toString(), "hello");
    assert.equal(count(), 3);
    assert.equal(account().clock.now(), beginning + 3_000);
  });

  it("is given up when each answer is cut", async () => {
    account().s3.put(bucket, "channels/workers", "hello");
    const { handler, count } = cutting(10);
    await assert.rejects(client(handler).read("channels/workers"), /aborted/);
    assert.equal(count(), 4);
  });
});
