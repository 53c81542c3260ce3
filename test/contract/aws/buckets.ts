import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetBucketTaggingCommand,
  ListObjectVersionsCommand,
  paginateListBuckets,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  S3Client,
} from "@aws-sdk/client-s3";

import type { S3Target } from "../s3-target.ts";
import type { Holder } from "./cloud.ts";
import { groupPrefix, isOurs, runTag } from "./marks.ts";
import type { ClientSettings } from "./services.ts";

/** Servers that are not AWS's have no host for each bucket. */
const connect = (settings: ClientSettings): S3Client =>
  new S3Client({ ...settings, forcePathStyle: settings.endpoint !== undefined });

/** The first region of AWS is not named as a place. Source: CreateBucket, LocationConstraint. */
const placeOf = async (client: S3Client) => {
  const region = await client.config.region();
  if (region === "us-east-1") return {};
  return { CreateBucketConfiguration: { LocationConstraint: region as "eu-west-1" } };
};

/** Makes the buckets of the contract of S3. */
export const openBuckets = async (settings: ClientSettings, run: string): Promise<S3Target> => {
  const client = connect(settings);
  const make = async (kind: string): Promise<string> => {
    const Bucket = `${groupPrefix}${run}-${kind}`;
    await client.send(new CreateBucketCommand({ Bucket, ...(await placeOf(client)) }));
    await client.send(
      new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: runTag, Value: run }] } }),
    );
    return Bucket;
  };
  const [versioned, plain] = [await make("versioned"), await make("plain")];
  await client.send(
    new PutBucketVersioningCommand({
      Bucket: versioned,
      VersioningConfiguration: { Status: "Enabled" },
    }),
  );
  let serial = 0;
  return { client, versioned, plain, newPrefix: () => `${(serial += 1)}/` };
};

const isRunsOwn = async (client: S3Client, Bucket: string): Promise<boolean> => {
  try {
    const { TagSet } = await client.send(new GetBucketTaggingCommand({ Bucket }));
    return isOurs({ Tags: TagSet });
  } catch (error) {
    if (error instanceof Error && error.name === "NoSuchTagSet") return false;
    throw error;
  }
};

/** Deletes every version, a thousand at a time: no bucket is deleted that has any. */
const empty = async (client: S3Client, Bucket: string): Promise<void> => {
  for (;;) {
    const { Versions = [], DeleteMarkers = [] } = await client.send(
      new ListObjectVersionsCommand({ Bucket }),
    );
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({
      Key,
      VersionId,
    }));
    if (Objects.length === 0) return;
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  }
};

export const bucketHolder = (settings: ClientSettings): Holder => {
  const client = connect(settings);
  return {
    what: "buckets",
    async find() {
      const found: string[] = [];
      for await (const { Buckets = [] } of paginateListBuckets({ client }, { Prefix: groupPrefix }))
        for (const { Name = "" } of Buckets)
          if (Name.startsWith(groupPrefix) && (await isRunsOwn(client, Name))) found.push(Name);
      return found;
    },
    async remove(Bucket) {
      await empty(client, Bucket);
      await client.send(new DeleteBucketCommand({ Bucket }));
    },
  };
};
