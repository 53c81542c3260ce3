import assert from "node:assert/strict";

import { DeleteObjectsCommand, GetObjectCommand, paginateListObjectsV2 } from "@aws-sdk/client-s3";

import type { ServiceCase } from "./services.ts";
import { isMissing, openSpot, type S3Target, type Spot } from "./s3-target.ts";

const reference = "Amazon S3 API Reference";
const versioning =
  'Amazon S3 User Guide, "Retaining multiple versions of objects with S3 Versioning"';
const markers = 'Amazon S3 User Guide, "Working with delete markers"';

/** The keys of a spot, page by page, without its prefix. */
const pagesOf = async (
  { client }: S3Target,
  { bucket, prefix }: Spot,
  { below = "", pageSize }: { readonly below?: string; readonly pageSize?: number } = {},
): Promise<readonly (readonly string[])[]> => {
  const pages: string[][] = [];
  for await (const { Contents = [], KeyCount } of paginateListObjectsV2(
    { client, ...(pageSize !== undefined && { pageSize }) },
    { Bucket: bucket, Prefix: `${prefix}${below}` },
  )) {
    assert.equal(KeyCount, Contents.length);
    pages.push(Contents.map(({ Key = "" }) => Key.slice(prefix.length)));
  }
  return pages;
};

export const s3Reads: readonly ServiceCase<S3Target>[] = [
  {
    title: "an object is read as it was written, whatever its key",
    source: `${reference}, PutObject, GetObject`,
    async run(target) {
      for (const kind of ["versioned", "plain"] as const) {
        const { put, get, head } = openSpot(target, kind);
        for (const key of ["a", "b/c d+e&f", "AROA1234:i-0123", "größe/ß", "percent%20"]) {
          const { etag } = await put(key, `content of ${key}`, { ContentType: "text/plain" });
          const [found, known] = [await get(key), await head(key)];
          assert.equal(await found.Body?.transformToString(), `content of ${key}`);
          for (const each of [found, known]) {
            assert.equal(each.ETag, etag);
            assert.equal(each.ContentLength, Buffer.byteLength(`content of ${key}`));
            assert.equal(each.ContentType, "text/plain");
            assert.ok(each.LastModified instanceof Date);
          }
        }
      }
    },
  },
  {
    title: "an object may be empty",
    source: `${reference}, PutObject`,
    async run(target) {
      const { put, text } = openSpot(target);
      await put("a", "", { ContentLength: 0 });
      assert.equal(await text("a"), "");
    },
  },
  {
    title: "the tag of an object is the MD5 of its content",
    source: `${reference}, Object, ETag`,
    async run(target) {
      const { put } = openSpot(target);
      const { etag } = await put("a", "hello");
      assert.equal(etag, '"5d41402abc4b2a76b9719d911017c592"');
    },
  },
  {
    title: "an object that is not there is not found",
    source: `${reference}, GetObject, HeadObject, errors`,
    async run(target) {
      const { get, head } = openSpot(target);
      await assert.rejects(get("a"), isMissing);
      // An answer to HEAD has no body that could say more.
      await assert.rejects(head("a"), { name: "NotFound" });
    },
  },
  {
    title: "a bucket that is not there is not found",
    source: `${reference}, "Error responses" (NoSuchBucket)`,
    async run({ client, plain }) {
      const input = { Bucket: `${plain}-none`, Key: "a" };
      await assert.rejects(client.send(new GetObjectCommand(input)), { name: "NoSuchBucket" });
    },
  },
  {
    title: "a key has at most 1,024 bytes",
    source: 'Amazon S3 User Guide, "Naming Amazon S3 objects"',
    ministack: "takes any length",
    async run(target) {
      const { put, text, prefix } = openSpot(target);
      const longest = "k".repeat(1024 - prefix.length);
      await put(longest, "fits");
      assert.equal(await text(longest), "fits");
      await assert.rejects(put(`${longest}k`, "does not"), { name: "KeyTooLongError" });
    },
  },
  {
    title: "keys come in the order of their bytes, those that begin so and no others",
    source: `${reference}, ListObjectsV2, Prefix; "Listing object keys programmatically"`,
    async run(target) {
      const spot = openSpot(target);
      for (const key of ["b/2", "b/10", "B/1", "a", "b-beside", "b/ß", "b/z"])
        await spot.put(key, key);
      await spot.remove("b/z");
      assert.deepEqual(await pagesOf(target, spot, { below: "b/" }), [["b/10", "b/2", "b/ß"]]);
      assert.deepEqual(await pagesOf(target, spot), [
        ["B/1", "a", "b-beside", "b/10", "b/2", "b/ß"],
      ]);
      assert.deepEqual(await pagesOf(target, spot, { below: "none/" }), [[]]);
    },
  },
  {
    title: "keys come page by page",
    source: `${reference}, ListObjectsV2, MaxKeys, NextContinuationToken`,
    async run(target) {
      const spot = openSpot(target);
      for (let n = 1; n <= 7; n += 1) await spot.put(`k${n}`, "content");
      assert.deepEqual(await pagesOf(target, spot, { pageSize: 3 }), [
        ["k1", "k2", "k3"],
        ["k4", "k5", "k6"],
        ["k7"],
      ]);
    },
  },
  {
    title: "an object is listed with its size, its tag and its time",
    source: `${reference}, ListObjectsV2, Contents`,
    async run(target) {
      const spot = openSpot(target, "plain");
      const { etag } = await spot.put("a", "four");
      const { LastModified } = await spot.head("a");
      const pages = paginateListObjectsV2(
        { client: target.client },
        { Bucket: spot.bucket, Prefix: spot.prefix },
      );
      for await (const { Contents = [] } of pages)
        assert.deepEqual(
          Contents.map(({ Key, Size, ETag, LastModified: time }) => [
            Key,
            Size,
            ETag,
            // Some have fractions of a second here: S3 has none.
            Math.floor((time?.getTime() ?? 0) / 1000),
          ]),
          [[`${spot.prefix}a`, 4, etag, (LastModified?.getTime() ?? 0) / 1000]],
        );
    },
  },
  {
    title: "what is deleted is gone, and may be deleted again",
    source: `${reference}, DeleteObject`,
    async run(target) {
      const { put, text, remove } = openSpot(target, "plain");
      await put("a", "1");
      await remove("a");
      assert.equal(await text("a"), undefined);
      await remove("a");
    },
  },
  {
    title: "several are deleted at once, and those that are not there are no error",
    source: `${reference}, DeleteObjects`,
    async run(target) {
      const { client } = target;
      const { put, text, bucket, prefix } = openSpot(target);
      for (const key of ["a & b", "c", "kept"]) await put(key, key);
      const Objects = ["a & b", "c", "none"].map((key) => ({ Key: `${prefix}${key}` }));
      const { Deleted = [], Errors = [] } = await client.send(
        new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }),
      );
      assert.deepEqual(
        Deleted.map(({ Key = "", DeleteMarker }) => [Key.slice(prefix.length), DeleteMarker]),
        [
          ["a & b", true],
          ["c", true],
          ["none", true],
        ],
      );
      assert.deepEqual(Errors, []);
      assert.deepEqual(
        [await text("a & b"), await text("c"), await text("kept")],
        [undefined, undefined, "kept"],
      );
    },
  },
  {
    title: "every version stays readable by its id, also after a deletion",
    source: `${versioning}; ${reference}, GetObject, versionId`,
    async run(target) {
      const { put, text, get, remove } = openSpot(target);
      const [first, second] = [await put("a", "1"), await put("a", "2")];
      assert.ok(first.version !== undefined && first.version !== second.version);
      assert.equal((await get("a")).VersionId, second.version);
      await remove("a");
      assert.equal(await text("a"), undefined);
      assert.equal(await text("a", first.version), "1");
      assert.equal(await text("a", second.version), "2");
    },
  },
  {
    title: "without versioning nothing has a version",
    source: `${reference}, PutObject, x-amz-version-id`,
    async run(target) {
      const { put, get, remove } = openSpot(target, "plain");
      assert.equal((await put("a", "1")).version, undefined);
      assert.equal((await get("a")).VersionId, undefined);
      assert.deepEqual(await remove("a"), { marker: false, version: undefined });
    },
  },
  {
    title: "a deletion leaves a marker, and without the marker the object is back",
    source: markers,
    async run(target) {
      const { put, text, remove } = openSpot(target);
      await put("a", "1");
      const { marker, version } = await remove("a");
      assert.ok(marker && version !== undefined);
      assert.equal(await text("a"), undefined);
      assert.deepEqual(await remove("a", version), { marker: true, version });
      assert.equal(await text("a"), "1");
    },
  },
  {
    title: "a marker cannot be read by its id",
    source: `${markers}; ${reference}, GetObject (405 Method Not Allowed)`,
    async run(target) {
      const { put, get, remove } = openSpot(target);
      await put("a", "1");
      const { version } = await remove("a");
      await assert.rejects(get("a", version), { name: "MethodNotAllowed" });
    },
  },
  {
    title: "a version that was deleted by its id is gone for good",
    source: `${versioning}, "Deleting object versions"`,
    async run(target) {
      const { put, text, get, remove } = openSpot(target);
      const [first, second] = [await put("a", "1"), await put("a", "2")];
      assert.deepEqual(await remove("a", second.version), {
        marker: false,
        version: second.version,
      });
      assert.equal(await text("a"), "1");
      await assert.rejects(get("a", second.version), { name: "NoSuchVersion" });
      assert.equal(await text("a", first.version), "1");
    },
  },
];
