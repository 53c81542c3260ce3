import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import type { HttpHandler } from "@smithy/protocol-http";
import { type BundleDesk, openDesk } from "../../../lambdas/config/bundle-desk.ts";
import { type BundlePlace, bundlePlaceParameter } from "../../../lambdas/config/bundle-place.ts";
import { type Channel, parseChannel, splitChannel } from "../../../lambdas/config/channel.ts";
import { channelKey } from "../../../lambdas/config/keys.ts";
import type { Manifest } from "../../../lambdas/config/manifest.ts";
import type { BuiltBundle } from "../../../lambdas/config/store-bundle.ts";
import type { Clock } from "../../../lambdas/runtime/clock.ts";
import { serveAwsQuery } from "../../../rehearsal/emulators/aws-query.ts";
import { createEc2, type Ec2 } from "../../../rehearsal/emulators/ec2/ec2.ts";
import { createKms, type Kms } from "../../../rehearsal/emulators/kms.ts";
import { createS3, type S3 } from "../../../rehearsal/emulators/s3/s3.ts";
import type { Service } from "../../../rehearsal/emulators/service.ts";
import { createSsm, type Ssm } from "../../../rehearsal/emulators/ssm.ts";
import { seededBy } from "../../../rehearsal/random.ts";
import {
  type Call,
  routeByHost,
  serveInProcess,
  type WireOptions,
} from "../../../rehearsal/wire.ts";

export const region = "eu-west-1";
export const bucket = "drover-bundles";
export const caller = "arn:aws:sts::123456789012:assumed-role/Publisher/ada";

/** A moment that no test depends on: 2026-11-25, 10:00 UTC. */
export const beginning = Date.UTC(2026, 10, 25, 10);

/** What an SDK client of a person or of a function meets. */
export interface BundleAccount {
  readonly s3: S3;
  readonly kms: Kms;
  readonly ssm: Ssm;
  readonly ec2: Ec2;
  readonly key: string;
  readonly place: BundlePlace;
  readonly clock: Clock;
  /** All of it, which can be served over HTTP as well. */
  readonly service: Service;
  /** Lets time go by, in milliseconds. */
  readonly pass: (milliseconds: number) => void;
  readonly handler: (options?: Partial<WireOptions>) => HttpHandler;
  readonly desk: (options?: Partial<WireOptions>, place?: BundlePlace) => BundleDesk;
  /** The channel as it is stored, unverified. */
  readonly channel: (pool?: string) => Channel | undefined;
  /** All keys and what is under them. */
  readonly contents: () => Readonly<Record<string, string>>;
}

/** An account with a bucket, a key, and the parameter that names both. */
export const createBundleAccount = (): BundleAccount => {
  const random = seededBy(1, "bundles");
  let time = beginning;
  const now = () => time;
  const clock: Clock = {
    now,
    sleep: (milliseconds) => {
      time += milliseconds;
      return Promise.resolve();
    },
  };
  const s3 = createS3({ now, random });
  const kms = createKms({ random });
  const ssm = createSsm({ now });
  const ec2 = createEc2({ now, instances: () => [] });
  s3.createBucket(bucket, { versioned: true });
  const key = kms.createKey();
  const place: BundlePlace = { bucket, key, trustedKeys: [key] };
  ssm.put(bundlePlaceParameter("default"), JSON.stringify(place));
  const sts = serveAwsQuery(
    "https://sts.amazonaws.com/doc/2011-06-15/",
    { GetCallerIdentity: () => ({ Arn: caller, UserId: "AROA:ada", Account: "123456789012" }) },
    () => "sts",
  );
  const of = (name: string) => `${name}.${region}.amazonaws.com`;
  const service = routeByHost({
    [of("s3")]: s3.service,
    [of("*.s3")]: s3.service,
    [of("kms")]: kms.service,
    [of("ssm")]: ssm.service,
    [of("ec2")]: ec2.service,
    [of("sts")]: sts,
  });
  const handler = (options: Partial<WireOptions> = {}) =>
    serveInProcess(service, { clock, ...options });
  return {
    s3,
    kms,
    ssm,
    ec2,
    key,
    place,
    clock,
    service,
    pass: (milliseconds) => {
      time += milliseconds;
    },
    handler,
    desk: (options, at = place) =>
      openDesk({ region, maxAttempts: 3, requestHandler: handler(options) }, at, clock),
    channel: (pool = "workers") => {
      const stored = s3.get(bucket, channelKey(pool));
      return (
        stored &&
        parseChannel(splitChannel(Buffer.from(stored.content.bytes).toString("utf8")).text)
      );
    },
    contents: () =>
      Object.fromEntries(
        s3
          .objects(bucket)
          .map((each) => [each.key, createHash("sha256").update(each.content.bytes).digest("hex")]),
      ),
  };
};

/** Where a test lays out what it publishes. */
export const scratchFolder = (): { readonly folder: string; readonly remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), "drover-bundles-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
};

const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** A bundle of some bytes: for what is stored and signed, it does not matter that they are no tar. */
export const buildSome = (text: string, manifest: Partial<Manifest> = {}): BuiltBundle => {
  const content = Buffer.from(text.padEnd(1024, "."));
  const archive = gzipSync(content);
  const digest = sha256(content);
  return {
    manifest: { pool: "workers", sha256: digest, bytes: content.length, entries: 1, ...manifest },
    archive: {
      open: () => Readable.from([archive]),
      bytes: archive.length,
      sha256: sha256(archive),
    },
  };
};

/** A process that ended in the middle: nothing that it would have done comes any more. */
export class Killed extends Error {
  override readonly name = "Killed";
}

/**
 * Ends the caller at one of its requests: before it arrives, or after it was carried out
 * and before the answer comes.
 */
export const killedAt = (
  account: BundleAccount,
  request: number,
  when: "before" | "after",
): HttpHandler => {
  let count = 0;
  let isDead = false;
  const through = account.handler();
  return {
    ...through,
    handle: async (...given: Parameters<HttpHandler["handle"]>) => {
      count += 1;
      if (isDead) throw new Killed();
      isDead = count >= request;
      if (isDead && when === "before") throw new Killed();
      const answer = await through.handle(...given);
      if (isDead) throw new Killed();
      return answer;
    },
  };
};

/** A handler that does something before each request. */
export const withEach = (
  through: HttpHandler,
  before: (...given: Parameters<HttpHandler["handle"]>) => Promise<void> | void,
): HttpHandler => ({
  ...through,
  handle: async (...given: Parameters<HttpHandler["handle"]>) => {
    await before(...given);
    return through.handle(...given);
  },
});

/** The requests that were made, by service and operation. */
export const recordCalls = () => {
  const calls: string[] = [];
  const onCall = ({ service, operation }: Call) => void calls.push(`${service} ${operation}`);
  return { calls, onCall };
};
