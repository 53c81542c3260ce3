import type { Readable } from "node:stream";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  NoSuchKey,
  NotFound,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import type { Clock } from "../runtime/clock.ts";
import type { AwsClientOptions } from "./aws.ts";

/** What is stored, and the tag of its version, with which it is replaced. */
export interface StoredObject {
  readonly content: Uint8Array;
  readonly etag: string;
}

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds since the Unix epoch. */
  readonly modified: number;
}

/** What is too large for memory, and is to be an object. */
export interface StreamedContent {
  /** All of it from its beginning, as often as it has to be sent. */
  readonly open: () => Readable;
  readonly bytes: number;
  /** In hexadecimal; S3 refuses what does not have it. */
  readonly sha256: string;
}

/** The bucket of the bundles. A write is never blind: it makes what was not there, or replaces what was read. */
export interface BundleObjects {
  /**
   * An object of at most {@link smallLimit} bytes, or undefined when there is none.
   *
   * @throws TooLarge
   */
  read(key: string): Promise<StoredObject | undefined>;
  /** Its bytes as they come, or undefined when there is none. */
  open(key: string): Promise<Readable | undefined>;
  /** How many bytes it has, or undefined when there is none. */
  size(key: string): Promise<number | undefined>;
  /**
   * @returns false when there is an object of that name: another's, or that of an own attempt
   *   whose answer was lost
   */
  create(key: string, content: string | Uint8Array | StreamedContent): Promise<boolean>;
  /**
   * Compare and swap.
   *
   * @returns false when it is not the version any more that was read; an own attempt whose
   *   answer was lost may be what has replaced it
   */
  replace(key: string, content: string | Uint8Array, etag: string): Promise<boolean>;
  /** All objects whose keys begin so. */
  list(prefix: string): AsyncIterable<ListedObject>;
  remove(key: string): Promise<void>;
}

/** Bytes. The largest that is not an archive or a binary is a channel, of some ten thousand. */
export const smallLimit = 1024 * 1024;

/** Somebody has stored more under the name of a small object than anybody writes who publishes. */
export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

/** How often a call is begun, where the SDK does not repeat it. */
const attempts = 4;

const statusOf = (error: unknown): number =>
  error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 0) : 0;

// Source: Amazon S3 User Guide, "How to prevent object overwrites with conditional writes":
// 412 when the condition does not hold, 404 for If-Match when there is no object any more.
const isLost = (error: unknown): boolean =>
  statusOf(error) === 412 || (error instanceof S3ServiceException && error.name === "NoSuchKey");

const isMissing = (error: unknown): boolean =>
  error instanceof NoSuchKey || error instanceof NotFound;

/** What the SDK repeats where it can; a stream it cannot. */
const mayPass = (error: unknown): boolean => {
  if (!(error instanceof S3ServiceException)) return true;
  const status = statusOf(error);
  return status >= 500 || status === 429 || error.name === "RequestTimeout";
};

/** Milliseconds before another attempt. */
const pause = (attempt: number): number => 1000 * 2 ** (attempt - 1);

const base64 = (hex: string): string => Buffer.from(hex, "hex").toString("base64");

const isStreamed = (content: string | Uint8Array | StreamedContent): content is StreamedContent =>
  typeof content === "object" && "open" in content;

const contentOf = async (key: string, body: Readable): Promise<Uint8Array> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > smallLimit) throw new TooLarge(`${key} has more than ${smallLimit} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
};

const ignore = (): void => {};

// The SDK tells on the console that it cannot repeat a stream: that is done here.
const quiet = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** @param options - a bucket may be addressed by its path, for servers that are not AWS's */
export const bundleObjectsClient = (
  options: AwsClientOptions & { readonly forcePathStyle?: boolean },
  bucket: string,
  clock: Clock,
): BundleObjects => {
  const client = new S3Client({ ...options, logger: quiet });

  const put = async (
    key: string,
    content: string | Uint8Array | StreamedContent,
    condition: { readonly IfNoneMatch: "*" } | { readonly IfMatch: string },
  ): Promise<boolean> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await client.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            ...(isStreamed(content)
              ? {
                  Body: content.open(),
                  ContentLength: content.bytes,
                  ChecksumSHA256: base64(content.sha256),
                }
              : { Body: content, ChecksumAlgorithm: "SHA256" as const }),
            ...condition,
          }),
        );
        return true;
      } catch (error) {
        if (isLost(error)) return false;
        // 409: another conditional write of the key was under way, and "you can retry the upload".
        const again = statusOf(error) === 409 || (isStreamed(content) && mayPass(error));
        if (!again || attempt === attempts) throw error;
        await clock.sleep(pause(attempt));
      }
    }
  };

  const open = async (key: string) => {
    try {
      const { Body, ETag } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return { body: Body as Readable, etag: ETag ?? "" };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };

  return {
    async read(key) {
      for (let attempt = 1; ; attempt += 1) {
        const found = await open(key);
        if (found === undefined) return undefined;
        try {
          return { content: await contentOf(key, found.body), etag: found.etag };
        } catch (error) {
          // The SDK repeats what has no answer, and not one that was cut in the middle.
          if (error instanceof TooLarge || attempt === attempts) throw error;
          await clock.sleep(pause(attempt));
        }
      }
    },
    open: async (key) => (await open(key))?.body,
    async size(key) {
      try {
        const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
        return head.ContentLength ?? 0;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    create: (key, content) => put(key, content, { IfNoneMatch: "*" }),
    replace: (key, content, etag) => put(key, content, { IfMatch: etag }),
    async *list(prefix) {
      for await (const { Contents } of paginateListObjectsV2(
        { client },
        { Bucket: bucket, Prefix: prefix },
      )) {
        for (const { Key, Size, LastModified } of Contents ?? []) {
          if (Key !== undefined)
            yield { key: Key, bytes: Size ?? 0, modified: LastModified?.getTime() ?? 0 };
        }
      }
    },
    async remove(key) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
  };
};
