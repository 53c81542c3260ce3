import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ServiceException,
} from "@aws-sdk/client-s3";

import { createS3 } from "../../../rehearsal/emulators/s3/s3.ts";
import { seeded } from "../../../rehearsal/random.ts";
import { routeByHost, serveInProcess } from "../../../rehearsal/wire.ts";
import { createManualClock } from "./manual-clock.ts";

const Bucket = "bundles";

const world = ({ forcePathStyle = false, mayList = true } = {}) => {
  const clock = createManualClock();
  const s3 = createS3({ now: () => clock.now(), random: seeded(1) });
  s3.createBucket(Bucket, { versioned: true });
  const calls: { readonly host: string; readonly operation: string }[] = [];
  const route = routeByHost({
    "s3.eu-west-1.amazonaws.com": s3.serve({ mayList: () => mayList }),
    "*.s3.eu-west-1.amazonaws.com": s3.serve({ mayList: () => mayList }),
  });
  const client = new S3Client({
    region: "eu-west-1",
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    requestHandler: serveInProcess(route, { clock, onCall: (call) => void calls.push(call) }),
    maxAttempts: 1,
    forcePathStyle,
  });
  const put = (Key: string, Body: string, options: object = {}) =>
    client.send(new PutObjectCommand({ Bucket, Key, Body, ...options }));
  const get = (Key: string) => client.send(new GetObjectCommand({ Bucket, Key }));
  return { clock, s3, client, calls, put, get };
};

const textIn = (s3: ReturnType<typeof world>["s3"], key: string): string | undefined => {
  const found = s3.get(Bucket, key);
  return found && new TextDecoder().decode(found.content.bytes);
};

describe("S3", () => {
  for (const [forcePathStyle, host] of [
    [false, `${Bucket}.s3.eu-west-1.amazonaws.com`],
    [true, "s3.eu-west-1.amazonaws.com"],
  ] as const)
    it(`finds the bucket ${forcePathStyle ? "in the path" : "in the host"}, and says what was asked`, async () => {
      const { client, calls, put, get } = world({ forcePathStyle });
      await put("channels/workers", "text");
      const found = await get("channels/workers");
      assert.equal(await found.Body?.transformToString(), "text");
      await client.send(new HeadObjectCommand({ Bucket, Key: "channels/workers" }));
      await client.send(new ListObjectsV2Command({ Bucket }));
      const Objects = [{ Key: "channels/workers" }];
      await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      assert.deepEqual(
        calls.map(({ operation }) => operation),
        ["PutObject", "GetObject", "HeadObject", "ListObjectsV2", "DeleteObjects"],
      );
      for (const call of calls) assert.partialDeepStrictEqual(call, { host, service: "s3" });
    });

  it("takes time from its clock", async () => {
    const { clock, put, get } = world();
    await put("a", "1");
    await clock.pass(3_600_000);
    await put("b", "2");
    assert.deepEqual((await get("a")).LastModified, new Date(Date.UTC(2026, 0, 1)));
    assert.deepEqual((await get("b")).LastModified, new Date(Date.UTC(2026, 0, 1, 1)));
  });

  it("does not tell who may not list a bucket that there is no object", async () => {
    const { client, put, get, s3 } = world({ mayList: false });
    await put("a", "1");
    assert.equal(await (await get("a")).Body?.transformToString(), "1");
    s3.remove(Bucket, "a");
    for (const Key of ["a", "never"]) {
      await assert.rejects(get(Key), { name: "AccessDenied", message: "Access Denied" });
      await assert.rejects(
        client.send(new HeadObjectCommand({ Bucket, Key })),
        ({ $metadata }: S3ServiceException) => $metadata.httpStatusCode === 403,
      );
    }
  });

  it("has one conditional write meet another operation when it is told so, and no other", async () => {
    const { s3, put } = world();
    const { ETag = "" } = await put("a", "1");
    s3.conflict(Bucket, "a");
    await put("b", "1", { IfNoneMatch: "*" });
    await put("a", "1");
    await assert.rejects(put("a", "2", { IfMatch: ETag }), { name: "ConditionalRequestConflict" });
    assert.equal(textIn(s3, "a"), "1");
    await put("a", "2", { IfMatch: ETag });
    assert.equal(textIn(s3, "a"), "2");
  });

  it("is met by a person without any request", () => {
    const { s3 } = world();
    s3.put(Bucket, "b", "2");
    s3.put(Bucket, "a", "1");
    assert.deepEqual(
      s3.objects(Bucket).map(({ key }) => key),
      ["a", "b"],
    );
    s3.remove(Bucket, "a");
    assert.deepEqual([textIn(s3, "a"), textIn(s3, "b")], [undefined, "2"]);
    assert.deepEqual(s3.buckets(), [Bucket]);
    assert.throws(() => s3.createBucket(Bucket), /there is a bucket bundles/);
  });

  it("refuses what it does not heed", async () => {
    const { client, put } = world();
    await put("a", "1");
    await assert.rejects(
      client.send(new GetObjectCommand({ Bucket, Key: "a", Range: "bytes=0-1" })),
      /does not take range/,
    );
    await assert.rejects(put("a", "1", { Metadata: { colour: "red" } }), /x-amz-meta-colour/);
    await assert.rejects(
      client.send(new ListObjectsV2Command({ Bucket, Delimiter: "/" })),
      /does not take delimiter/,
    );
  });

  describe("given chunks with a checksum behind them", () => {
    const send = async (body: string, headers: Readonly<Record<string, string>>) => {
      const { s3 } = world();
      const response = await s3.service(
        new Request(`https://${Bucket}.s3.eu-west-1.amazonaws.com/a`, {
          method: "PUT",
          headers: {
            "content-encoding": "aws-chunked",
            "x-amz-trailer": "x-amz-checksum-crc32",
            ...headers,
          },
          body,
        }),
      );
      const [, code] = /<Code>(.*)<\/Code>/.exec(await response.text()) ?? [];
      return { status: response.status, code, stored: textIn(s3, "a") };
    };
    /** `printf 'hello world' | gzip -c | tail -c8 | head -c4`, the other way round, in base64. */
    const crc32 = "DUoRhQ==";
    const chunks = "5\r\nhello\r\n6\r\n world\r\n0\r\n";

    it("puts them together", async () => {
      const sent = await send(`${chunks}x-amz-checksum-crc32:${crc32}\r\n\r\n`, {
        "x-amz-decoded-content-length": "11",
      });
      assert.deepEqual(sent, { status: 200, code: undefined, stored: "hello world" });
    });

    for (const [what, body, length, code] of [
      ["a wrong checksum", `${chunks}x-amz-checksum-crc32:AAAAAA==\r\n\r\n`, "11", "BadDigest"],
      ["none", `${chunks}\r\n`, "11", "MalformedTrailerError"],
      ["another length", `${chunks}x-amz-checksum-crc32:${crc32}\r\n\r\n`, "12", "IncompleteBody"],
      ["a cut chunk", "5\r\nhello\r\n6\r\n wor", "11", "IncompleteBody"],
      ["a cut end", "5\r\nhello\r\n", "11", "IncompleteBody"],
    ] as const)
      it(`stores nothing of those with ${what}`, async () => {
        const sent = await send(body, { "x-amz-decoded-content-length": length });
        assert.deepEqual(sent, { status: 400, code, stored: undefined });
      });
  });
});
