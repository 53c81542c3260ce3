import type { Random } from "../../random.ts";
import { hex } from "../../random.ts";
import { AwsError } from "../aws-json.ts";
import type { Service } from "../service.ts";
import { readCall } from "./address.ts";
import {
  type Bucket,
  currentOf,
  objectsOf,
  type StoredObject,
  type Version,
  versionsOf,
} from "./bucket.ts";
import { deleteObjects, listObjects } from "./lists.ts";
import {
  checkKey,
  contentOf,
  deleteObject,
  type Ground,
  putObject,
  readObject,
  remove,
  write,
} from "./objects.ts";
import { readPayload } from "./payload.ts";
import { S3Error, type S3Request } from "./request.ts";
import { renderError } from "./xml.ts";

/** What decides how S3 answers somebody, beside what is stored. */
export interface Caller {
  /** Whether `s3:ListBucket` is allowed: only then is it said that there is no such object. */
  readonly mayList: (bucket: string) => boolean;
}

export interface S3 {
  /** S3 as somebody meets it who may do everything. */
  readonly service: Service;
  /** S3 as somebody meets it who may not. */
  serve(caller: Caller): Service;
  createBucket(name: string, options?: { readonly versioned?: boolean }): void;
  readonly buckets: () => readonly string[];
  /** Writes an object as a person at the console would. */
  put(bucket: string, key: string, content: string | Uint8Array): void;
  get(bucket: string, key: string): StoredObject | undefined;
  remove(bucket: string, key: string): void;
  /** All that was ever written and can still be read by its version, and what stands for deletions: the oldest first. */
  versions(bucket: string): readonly Version[];
  /** All objects that there are now, in the order of their keys. */
  objects(bucket: string): readonly StoredObject[];
  /** Has the next conditional write of a key meet another operation on it (409). */
  conflict(bucket: string, key: string): void;
}

/**
 * Emulates what Drover needs of S3: whole objects, written with conditions, in
 * buckets with versions or without. Every call is atomic and seen by all that
 * come after it (User Guide, "Amazon S3 data consistency model").
 *
 * Source: Amazon S3 API Reference, by operation.
 */
export const createS3 = ({
  now,
  random,
}: {
  readonly now: () => number;
  readonly random: Random;
}): S3 => {
  const buckets = new Map<string, Bucket>();
  const conflicts = new Set<string>();
  const ground: Ground = {
    now,
    random,
    conflicts: (bucket, key) => conflicts.delete(`${bucket}/${key}`),
  };
  const bucketOf = (name: string): Bucket => {
    const bucket = buckets.get(name);
    if (bucket === undefined)
      throw new S3Error("NoSuchBucket", "The specified bucket does not exist", 404, {
        BucketName: name,
      });
    return bucket;
  };

  const perform = async (operation: string, on: S3Request, caller: Caller): Promise<Response> => {
    switch (operation) {
      case "PutObject":
        return putObject(ground, on, await readPayload(on.request));
      case "DeleteObject":
        return deleteObject(ground, on);
      case "DeleteObjects":
        return deleteObjects(ground, on, await readPayload(on.request));
      case "ListObjectsV2":
        return listObjects(on);
      default:
        return unlessHidden(on, caller, () => readObject(on));
    }
  };

  const serve =
    (caller: Caller): Service =>
    async (request) => {
      const url = new URL(request.url);
      const { operation, bucket, key } = readCall(request.method, url);
      if (operation === undefined)
        throw new Error(`${request.method} ${request.url} is not emulated by S3`);
      const id = hex(random, 16).toUpperCase();
      try {
        checkKey(key);
        const on = { request, query: url.searchParams, bucket: bucketOf(bucket), key };
        const response = await perform(operation, on, caller);
        response.headers.set("x-amz-request-id", id);
        return response;
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        return refuse(error, request.method, id);
      }
    };

  return {
    service: serve({ mayList: () => true }),
    serve,
    createBucket: (name, { versioned = false } = {}) => {
      if (buckets.has(name)) throw new Error(`there is a bucket ${name}`);
      buckets.set(name, { name, versioned, versions: new Map() });
    },
    buckets: () => [...buckets.keys()],
    put: (bucket, key, content) => {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      write(
        ground,
        bucketOf(bucket),
        key,
        contentOf({ bytes, checksums: {} }, "binary/octet-stream"),
      );
    },
    get: (bucket, key) => currentOf(bucketOf(bucket), key),
    remove: (bucket, key) => void remove(ground, bucketOf(bucket), key, undefined),
    versions: (bucket) => versionsOf(bucketOf(bucket)),
    objects: (bucket) => objectsOf(bucketOf(bucket)),
    conflict: (bucket, key) => void conflicts.add(`${bucket}/${key}`),
  };
};

/**
 * Who may not list a bucket does not hear whether there is an object.
 *
 * Source: Amazon S3 API Reference, GetObject and HeadObject, permissions.
 */
const unlessHidden = (on: S3Request, caller: Caller, read: () => Response): Response => {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AwsError) || error.code !== "NoSuchKey") throw error;
    if (caller.mayList(on.bucket.name)) throw error;
    throw new S3Error("AccessDenied", "Access Denied", 403);
  }
};

/** An answer to HEAD has no body, so that only its status says what is wrong. */
const refuse = (error: AwsError, method: string, id: string): Response => {
  const headers = {
    ...(error instanceof S3Error ? error.headers : {}),
    "content-type": "application/xml",
    "x-amz-request-id": id,
  };
  const body = renderError({
    Code: error.code,
    Message: error.message,
    ...error.fields,
    RequestId: id,
  });
  return new Response(method === "HEAD" ? null : body, { status: error.status, headers });
};
