import assert from "node:assert/strict";
import { Readable } from "node:stream";

import type { ServiceCase } from "./services.ts";
import { isDamaged, isLost, isMissing, openSpot, type S3Target, sha256Of } from "./s3-target.ts";

const conditional =
  'Amazon S3 User Guide, "How to prevent object overwrites with conditional writes"';
const integrity = 'Amazon S3 User Guide, "Checking object integrity in Amazon S3"';
const reference = "Amazon S3 API Reference";

/** Sends the same write several times at once; says how many were stored, and how the others failed. */
const race = async (writes: readonly Promise<unknown>[]) => {
  const settled = await Promise.allSettled(writes);
  const lost = settled.filter((each) => each.status === "rejected");
  return {
    won: settled.length - lost.length,
    winner: settled.findIndex(({ status }) => status === "fulfilled"),
    failures: lost.map(({ reason }) => (reason as Error).name),
  };
};

/** What somebody who came too late may hear. */
const late = new Set(["PreconditionFailed", "ConditionalRequestConflict"]);

export const s3Writes: readonly ServiceCase<S3Target>[] = [
  {
    title: "an object that is to be new is written once",
    source: `${conditional}; ${reference}, PutObject, If-None-Match`,
    async run(target) {
      for (const kind of ["versioned", "plain"] as const) {
        const { put, text } = openSpot(target, kind);
        await put("a", "first", { IfNoneMatch: "*" });
        await assert.rejects(put("a", "second", { IfNoneMatch: "*" }), isLost);
        // The same content is no excuse.
        await assert.rejects(put("a", "first", { IfNoneMatch: "*" }), isLost);
        assert.equal(await text("a"), "first");
      }
    },
  },
  {
    title: "an object is replaced only in the version that was read",
    source: `${conditional}; ${reference}, PutObject, If-Match`,
    async run(target) {
      for (const kind of ["versioned", "plain"] as const) {
        const { put, text } = openSpot(target, kind);
        const first = await put("a", "1");
        const second = await put("a", "2", { IfMatch: first.etag });
        assert.notEqual(first.etag, second.etag);
        await assert.rejects(put("a", "3", { IfMatch: first.etag }), isLost);
        assert.equal(await text("a"), "2");
      }
    },
  },
  {
    title: "an object that is not there cannot be replaced",
    source: `${conditional}, "Conditional write behavior" (404 Not Found)`,
    async run(target) {
      const { put, text, remove } = openSpot(target);
      const etag = '"0123456789abcdef0123456789abcdef"';
      await assert.rejects(put("a", "1", { IfMatch: etag }), isMissing);
      assert.equal(await text("a"), undefined);
      const written = await put("b", "1");
      await remove("b");
      await assert.rejects(put("b", "2", { IfMatch: written.etag }), isMissing);
    },
  },
  {
    title: "an object that was deleted is new again",
    source: `${conditional}, "Conditional write behavior" (the current version is a delete marker)`,
    async run(target) {
      for (const kind of ["versioned", "plain"] as const) {
        const { put, text, remove } = openSpot(target, kind);
        await put("a", "1", { IfNoneMatch: "*" });
        await remove("a");
        await put("a", "2", { IfNoneMatch: "*" });
        assert.equal(await text("a"), "2");
      }
    },
  },
  {
    title: "of several who replace the same version at once, one wins",
    source: `${conditional}, "Conditional write scenarios"`,
    async run(target) {
      const { put, text } = openSpot(target);
      const { etag } = await put("a", "before");
      const writes = Array.from({ length: 8 }, (_, n) =>
        put("a", `writer ${n}`, { IfMatch: etag }),
      );
      const { won, winner, failures: lost } = await race(writes);
      assert.equal(won, 1);
      assert.equal(await text("a"), `writer ${winner}`);
      for (const name of lost) assert.ok(late.has(name), name);
    },
  },
  {
    title: "of several who write the same new object at once, one wins",
    source: `${conditional}, "Conditional write scenarios"`,
    async run(target) {
      const { put, text } = openSpot(target);
      const writes = Array.from({ length: 8 }, (_, n) =>
        put("a", `writer ${n}`, { IfNoneMatch: "*" }),
      );
      const { won, winner, failures: lost } = await race(writes);
      assert.equal(won, 1);
      assert.equal(await text("a"), `writer ${winner}`);
      for (const name of lost) assert.ok(late.has(name), name);
    },
  },
  {
    title: "what has not the SHA-256 that its sender says is not stored",
    source: `${integrity}; ${reference}, PutObject, x-amz-checksum-sha256`,
    async run(target) {
      const { put, text, get } = openSpot(target);
      await assert.rejects(
        put("a", "what arrived", { ChecksumSHA256: sha256Of("what was sent") }),
        isDamaged,
      );
      assert.equal(await text("a"), undefined);
      await put("a", "whole", { ChecksumSHA256: sha256Of("whole") });
      const found = await get("a");
      assert.equal(await found.Body?.transformToString(), "whole");
      assert.equal(found.ChecksumSHA256, sha256Of("whole"));
    },
  },
  {
    title: "what has not the CRC32 that its sender says is not stored",
    source: `${integrity}; ${reference}, PutObject, x-amz-checksum-crc32`,
    async run(target) {
      const { put, text } = openSpot(target);
      await assert.rejects(put("a", "what arrived", { ChecksumCRC32: "AAAAAA==" }), isDamaged);
      assert.equal(await text("a"), undefined);
    },
  },
  {
    title: "a stream is written in chunks, its checksum behind it",
    source: `${reference}, "Signature calculations: transferring payload in multiple chunks", trailing headers`,
    async run(target) {
      const { put, get } = openSpot(target);
      const pieces = ["one ", "two ", "three"];
      const content = pieces.join("");
      for (const ChecksumAlgorithm of [undefined, "SHA256"] as const) {
        const key = ChecksumAlgorithm ?? "by itself";
        await put(key, Readable.from(pieces.map((piece) => Buffer.from(piece))), {
          ContentLength: content.length,
          ...(ChecksumAlgorithm && { ChecksumAlgorithm }),
        });
        const found = await get(key);
        assert.equal(await found.Body?.transformToString(), content);
        assert.equal(found.ContentLength, content.length);
      }
    },
  },
  {
    title: "a stream is written as it is when its checksum is known before, and held to it",
    source: `${integrity}; ${reference}, PutObject, x-amz-checksum-sha256`,
    async run(target) {
      const { put, text } = openSpot(target);
      const send = (content: string, ChecksumSHA256: string) =>
        put("a", Readable.from([Buffer.from(content)]), {
          ContentLength: content.length,
          ChecksumSHA256,
          IfNoneMatch: "*",
        });
      await assert.rejects(send("cut", sha256Of("whole")), isDamaged);
      assert.equal(await text("a"), undefined);
      await send("whole", sha256Of("whole"));
      assert.equal(await text("a"), "whole");
    },
  },
];
