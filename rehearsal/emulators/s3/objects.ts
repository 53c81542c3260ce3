import { createHash } from "node:crypto";

import type { Random } from "../../random.ts";
import { AwsError } from "../aws-json.ts";
import {
  type Bucket,
  type Content,
  currentOf,
  isStored,
  newestOf,
  purge,
  store,
  type Version,
} from "./bucket.ts";
import { checkCondition, isConditional } from "./conditions.ts";
import type { Payload } from "./payload.ts";
import {
  checksumHeaders,
  noSuchKey,
  refuseOthers,
  S3Error,
  type S3Request,
  versionHeaders,
} from "./request.ts";

/** What writes need beside a request. */
export interface Ground {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: Random;
  /** Whether another operation on the key gets in the way of this write. */
  readonly conflicts: (bucket: string, key: string) => boolean;
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

const versionId = (random: Random): string =>
  Array.from({ length: 32 }, () => letters[Math.floor(random() * letters.length)]).join("");

const newVersion = ({ now, random }: Ground, { versioned }: Bucket, key: string): Version => ({
  key,
  id: versioned ? versionId(random) : "null",
  modifiedAt: now(),
});

/**
 * The ETag is the MD5, as of objects that are encrypted with S3's own keys.
 *
 * Source: Amazon S3 API Reference, Object, ETag.
 */
export const contentOf = ({ bytes, checksums }: Payload, type: string): Content => ({
  bytes,
  checksums,
  type,
  etag: `"${createHash("md5").update(bytes).digest("hex")}"`,
});

/** Stores an object, and says which version it is. */
export const write = (ground: Ground, bucket: Bucket, key: string, content: Content): Version => {
  const version = { ...newVersion(ground, bucket, key), content };
  store(bucket, version);
  return version;
};

/** Source: Amazon S3 API Reference, PutObject. */
export const putObject = (ground: Ground, on: S3Request, payload: Payload): Response => {
  const { request, bucket, key } = on;
  refuseOthers(on, { headers: ["if-match", "if-none-match"] });
  if (isConditional(request) && ground.conflicts(bucket.name, key))
    throw new S3Error(
      "ConditionalRequestConflict",
      "The conditional request cannot succeed due to a conflicting operation against this resource.",
      409,
      { Key: key },
    );
  checkCondition(request, key, currentOf(bucket, key));
  const type = request.headers.get("content-type") ?? "binary/octet-stream";
  const content = contentOf(payload, type);
  const version = write(ground, bucket, key, content);
  return new Response(null, {
    headers: {
      etag: content.etag,
      ...checksumHeaders(content),
      ...versionHeaders(bucket, version),
    },
  });
};

/** The version that a read asks for. */
const find = ({ bucket, key, query }: S3Request): Version => {
  const id = query.get("versionId");
  const version =
    id === null ? newestOf(bucket, key) : bucket.versions.get(key)?.find((each) => each.id === id);
  if (version !== undefined) return version;
  if (id === null) throw noSuchKey(key);
  throw new S3Error("NoSuchVersion", "The specified version does not exist.", 404, {
    Key: key,
    VersionId: id,
  });
};

/**
 * Source: Amazon S3 API Reference, GetObject and HeadObject ("If the current
 * version of the object is a delete marker, Amazon S3 behaves as if the object
 * was deleted": 404; a delete marker by its version: 405).
 */
export const readObject = (on: S3Request): Response => {
  const { request, bucket, key, query } = on;
  refuseOthers(on, { parameters: ["versionId"] });
  const version = find(on);
  if (!isStored(version)) {
    const headers = { "x-amz-delete-marker": "true", ...versionHeaders(bucket, version) };
    if (!query.has("versionId")) throw noSuchKey(key, headers);
    throw new S3Error(
      "MethodNotAllowed",
      "The specified method is not allowed against this resource.",
      405,
      { Method: request.method, ResourceType: "DeleteMarker" },
      headers,
    );
  }
  const { content } = version;
  const wantsChecksums = request.headers.get("x-amz-checksum-mode") === "ENABLED";
  return new Response(request.method === "HEAD" ? null : Buffer.from(content.bytes), {
    headers: {
      "accept-ranges": "bytes",
      "content-length": String(content.bytes.length),
      "content-type": content.type,
      etag: content.etag,
      "last-modified": new Date(version.modifiedAt).toUTCString(),
      ...(wantsChecksums ? checksumHeaders(content) : {}),
      ...versionHeaders(bucket, version),
    },
  });
};

/** What became of a key that was to be deleted. */
export interface Deletion {
  readonly key: string;
  /** The version that is gone for good. */
  readonly versionId?: string;
  /** The delete marker that now stands before the others, or the one that is gone. */
  readonly markerId?: string;
}

/**
 * Without a version: a delete marker where there are versions, else the object
 * is gone. That there is no such object is no error.
 *
 * Source: Amazon S3 User Guide, "Working with delete markers"; API Reference, DeleteObject.
 */
export const remove = (
  ground: Ground,
  bucket: Bucket,
  key: string,
  id: string | undefined,
): Deletion => {
  if (id !== undefined) {
    const gone = purge(bucket, key, id);
    const wasMarker = gone !== undefined && gone.content === undefined;
    return { key, versionId: id, ...(wasMarker && { markerId: id }) };
  }
  if (!bucket.versioned) {
    purge(bucket, key, "null");
    return { key };
  }
  const marker = newVersion(ground, bucket, key);
  store(bucket, marker);
  return { key, markerId: marker.id };
};

export const deleteObject = (ground: Ground, on: S3Request): Response => {
  refuseOthers(on, { parameters: ["versionId"] });
  const id = on.query.get("versionId") ?? undefined;
  const { markerId, versionId: goneId } = remove(ground, on.bucket, on.key, id);
  const shown = markerId ?? goneId;
  return new Response(null, {
    status: 204,
    headers: {
      ...(shown !== undefined && { "x-amz-version-id": shown }),
      ...(markerId !== undefined && { "x-amz-delete-marker": "true" }),
    },
  });
};

/** @throws AwsError for a key of more than 1,024 bytes (User Guide, "Naming Amazon S3 objects") */
export const checkKey = (key: string): void => {
  if (Buffer.byteLength(key) > 1024) throw new AwsError("KeyTooLongError", "Your key is too long");
};
