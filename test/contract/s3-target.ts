import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";

export interface S3Target {
  readonly client: S3Client;
  /** A bucket that keeps versions. */
  readonly versioned: string;
  /** One that does not. */
  readonly plain: string;
  /** What begins no key yet; it ends in a slash. */
  newPrefix(): string;
}

/** A place in one of the buckets where nobody else is. */
export interface Spot {
  readonly bucket: string;
  readonly prefix: string;
  readonly put: (
    key: string,
    content: PutObjectCommandInput["Body"],
    options?: Partial<PutObjectCommandInput>,
  ) => Promise<{ readonly etag: string; readonly version: string | undefined }>;
  /** @returns undefined when there is no such object */
  readonly text: (key: string, version?: string) => Promise<string | undefined>;
  readonly head: (key: string) => ReturnType<typeof headOf>;
  readonly get: (key: string, version?: string) => ReturnType<typeof getOf>;
  readonly remove: (
    key: string,
    version?: string,
  ) => Promise<{ readonly marker: boolean; readonly version: string | undefined }>;
}

const headOf = (client: S3Client, Bucket: string, Key: string) =>
  client.send(new HeadObjectCommand({ Bucket, Key }));

const getOf = (client: S3Client, Bucket: string, Key: string, VersionId?: string) =>
  client.send(new GetObjectCommand({ Bucket, Key, ...(VersionId !== undefined && { VersionId }) }));

/** Keys are without the prefix in all that it does. */
export const openSpot = (target: S3Target, kind: "versioned" | "plain" = "versioned"): Spot => {
  const { client } = target;
  const bucket = target[kind];
  const prefix = target.newPrefix();
  return {
    bucket,
    prefix,
    put: async (key, Body, options) => {
      const { ETag = "", VersionId } = await client.send(
        new PutObjectCommand({ Bucket: bucket, Key: `${prefix}${key}`, Body, ...options }),
      );
      return { etag: ETag, version: VersionId };
    },
    text: async (key, version) => {
      try {
        const { Body } = await getOf(client, bucket, `${prefix}${key}`, version);
        return await Body?.transformToString();
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
    head: (key) => headOf(client, bucket, `${prefix}${key}`),
    get: (key, version) => getOf(client, bucket, `${prefix}${key}`, version),
    remove: async (key, version) => {
      const { DeleteMarker, VersionId } = await client.send(
        new DeleteObjectCommand({
          Bucket: bucket,
          Key: `${prefix}${key}`,
          ...(version !== undefined && { VersionId: version }),
        }),
      );
      return { marker: DeleteMarker === true, version: VersionId };
    },
  };
};

export const sha256Of = (content: string): string =>
  createHash("sha256").update(content).digest("base64");

/** Whether an error is one of S3's, as a client tells it from others. */
const isFailure =
  (name: string, status: number) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof S3ServiceException, String(error));
    assert.deepEqual([error.name, error.$metadata.httpStatusCode], [name, status]);
    return true;
  };

export const isLost = isFailure("PreconditionFailed", 412);
export const isMissing = isFailure("NoSuchKey", 404);
export const isDamaged = isFailure("BadDigest", 400);
