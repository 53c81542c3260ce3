import { AwsError } from "../aws-json.ts";
import { objectsOf } from "./bucket.ts";
import { type Ground, remove } from "./objects.ts";
import type { Payload } from "./payload.ts";
import { refuseOthers, S3Error, type S3Request } from "./request.ts";
import { renderAnswer, textOf, textsOf } from "./xml.ts";

/** Keys in one answer, at most. Source: ListObjectsV2, MaxKeys; DeleteObjects. */
const limit = 1000;

const answer = (name: string, fields: Readonly<Record<string, unknown>>): Response =>
  new Response(renderAnswer(name, fields), { headers: { "content-type": "application/xml" } });

/** What a continuation token says: nobody but S3 is to read it. */
const encodeToken = (lastKey: string): string => Buffer.from(lastKey).toString("base64");
const decodeToken = (token: string): string => Buffer.from(token, "base64").toString();

const comesAfter = (key: string, other: string): boolean =>
  Buffer.compare(Buffer.from(key), Buffer.from(other)) > 0;

/** Source: Amazon S3 API Reference, ListObjectsV2 (in UTF-8 binary order, at most 1,000 a page). */
export const listObjects = (on: S3Request): Response => {
  const { bucket, query } = on;
  refuseOthers(on, {
    parameters: ["list-type", "prefix", "max-keys", "continuation-token", "start-after"],
  });
  const prefix = query.get("prefix") ?? "";
  const maxKeys = Number(query.get("max-keys") ?? limit);
  const token = query.get("continuation-token");
  const startAfter = query.get("start-after");
  const after = token === null ? startAfter : decodeToken(token);
  const found = objectsOf(bucket).filter(
    ({ key }) => key.startsWith(prefix) && (after === null || comesAfter(key, after)),
  );
  const page = found.slice(0, Math.min(maxKeys, limit));
  const last = page.at(-1);
  const isTruncated = last !== undefined && page.length < found.length;
  return answer("ListBucketResult", {
    Name: bucket.name,
    Prefix: prefix,
    StartAfter: startAfter ?? undefined,
    ContinuationToken: token ?? undefined,
    NextContinuationToken: isTruncated ? encodeToken(last.key) : undefined,
    KeyCount: page.length,
    MaxKeys: maxKeys,
    IsTruncated: isTruncated,
    Contents: page.map(({ key, modifiedAt, content }) => ({
      Key: key,
      // To the second, as Last-Modified.
      LastModified: new Date(Math.floor(modifiedAt / 1000) * 1000),
      ETag: content.etag,
      Size: content.bytes.length,
      StorageClass: "STANDARD",
    })),
  });
};

/**
 * Source: Amazon S3 API Reference, DeleteObjects (at most 1,000 keys; Content-MD5 or a
 * checksum is required; quiet: only what failed is told of).
 */
export const deleteObjects = (ground: Ground, on: S3Request, payload: Payload): Response => {
  refuseOthers(on, { parameters: ["delete"] });
  if (Object.keys(payload.checksums).length === 0 && !on.request.headers.has("content-md5"))
    throw new S3Error(
      "InvalidRequest",
      "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
      400,
    );
  const body = new TextDecoder().decode(payload.bytes);
  const objects = textsOf(body, "Object");
  if (objects.length === 0 || objects.length > limit)
    throw new AwsError(
      "MalformedXML",
      "The XML you provided was not well-formed or did not validate against our published schema",
    );
  const deletions = objects.map((object) =>
    remove(ground, on.bucket, textOf(object, "Key") ?? "", textOf(object, "VersionId")),
  );
  const isQuiet = textOf(body, "Quiet") === "true";
  return answer("DeleteResult", {
    Deleted: isQuiet
      ? []
      : deletions.map(({ key, versionId, markerId }) => ({
          Key: key,
          VersionId: versionId,
          DeleteMarker: markerId === undefined ? undefined : true,
          DeleteMarkerVersionId: markerId,
        })),
  });
};
