import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { after, before, beforeEach, describe, it } from "node:test";
import type { HttpHandler } from "@smithy/protocol-http";
import { checkSource } from "../../../infra/bundle/check-source.ts";
import { packBundle } from "../../../infra/bundle/pack-bundle.ts";
import { checkStored } from "../../../lambdas/config/check-stored.ts";
import { archiveKey, channelKey, signatureKey } from "../../../lambdas/config/keys.ts";
import { promoteStored, rollBackChannel } from "../../../lambdas/config/publish-bundle.ts";
import { readChannel } from "../../../lambdas/config/read-channel.ts";
import type { ResourceRequest } from "../../../lambdas/deploy/custom-resource.ts";
import { createHandler } from "../../../lambdas/deploy/publish-bundle.ts";
import { isolateSdk } from "../../../rehearsal/world/sdk-environment.ts";
import {
  beginning,
  bucket,
  type BundleAccount,
  createBundleAccount,
  killedAt,
  region,
  scratchFolder,
  withEach,
} from "../config/bundle-account.ts";
import { type Answer, type CloudFormation, startCloudFormation } from "./cloud-formation.ts";

const { folder, remove } = scratchFolder();
const assets = "cdk-assets";

interface Packed {
  readonly sha256: string;
  readonly bytes: Buffer;
}

/** A source with one file, as a synthesis packs it. */
const pack = async (motd: string, binaries = ""): Promise<Packed> => {
  const source = join(folder, "source");
  for (const [path, text] of [
    ["bundle.yaml", `architectures: [amd64]\n${binaries}`],
    ["files/etc/motd", motd],
  ] as const) {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    writeFileSync(join(source, path), text);
  }
  const pieces: Buffer[] = [];
  const { manifest } = await packBundle(await checkSource(source, "workers"), {
    write: (bytes) => void pieces.push(Buffer.from(bytes)),
    open: () => Readable.from(pieces),
  });
  return { sha256: manifest.sha256, bytes: Buffer.concat(pieces) };
};

let one: Packed;
let two: Packed;
let pinned: Packed;
const binary = "b".repeat(64);
let cloudFormation: CloudFormation;
let putBack = () => {};
before(async () => {
  putBack = isolateSdk();
  cloudFormation = await startCloudFormation();
  one = await pack("hello\n");
  two = await pack("good evening\n");
  pinned = await pack(
    "hello\n",
    `binaries:
  - path: /usr/local/bin/nomad
    amd64: { source: bucket, sha256: ${binary}, bytes: 4 }
`,
  );
});
after(() => {
  putBack();
  cloudFormation.end();
  remove();
});

let account: BundleAccount;
let lines: string[];
beforeEach(() => {
  account = createBundleAccount();
  lines = [];
  account.s3.createBucket(assets, { versioned: false });
  for (const { sha256, bytes } of [one, two, pinned]) account.s3.put(assets, sha256, bytes);
});

type Properties = Readonly<Record<string, unknown>>;

const propertiesOf = ({ sha256 }: Packed, others: Properties = {}): Properties => ({
  ServiceToken: "arn",
  ServiceTimeout: "2100",
  Bucket: bucket,
  Key: account.key,
  TrustedKeys: [account.key],
  Pool: "workers",
  Sha256: sha256,
  ArchiveBucket: assets,
  ArchiveKey: sha256,
  Promote: "false",
  Revision: "0123456789ab",
  ...others,
});
const atOnce = { Promote: "true" } as const;

const ask = async (
  properties: Properties,
  request: Partial<ResourceRequest> = {},
  awsHandler: HttpHandler = account.handler(),
): Promise<Answer> => {
  const handler = createHandler({
    env: { AWS_REGION: region, TMPDIR: folder },
    clock: account.clock,
    random: Math.random,
    awsHandler,
    connect: () => assert.fail(),
    write: (line) => void lines.push(line),
  });
  await handler({
    RequestType: "Create",
    ResponseURL: cloudFormation.url,
    StackId: "arn:aws:cloudformation:eu-west-1:123456789012:stack/Nomad/0b7a",
    RequestId: "request",
    LogicalResourceId: "Published",
    ResourceProperties: properties,
    ...request,
  });
  return cloudFormation.last().answer;
};
const deploy = async (properties: Properties, before?: Properties): Promise<void> => {
  const { Status, Reason } = await ask(
    properties,
    before && {
      RequestType: "Update",
      PhysicalResourceId: "Published",
      OldResourceProperties: before,
    },
  );
  assert.equal(Status, "SUCCESS", Reason);
};
const refused = async (properties: Properties): Promise<string> => {
  const { Status, Reason = "" } = await ask(properties);
  assert.equal(Status, "FAILED");
  return Reason;
};
const pointers = () => {
  const { current, candidate, previous } = account.channel() ?? {};
  return { current, candidate, previous };
};
const moves = () => account.channel()?.history.map(({ move, sha256 }) => [move, sha256]);
const byHand = { pool: "workers", mover: { who: "ada", now: beginning } };

describe("a bundle that is deployed", () => {
  it("becomes the candidate, by the stack and from its revision", async () => {
    await deploy(propertiesOf(one));
    assert.deepEqual(account.channel()?.history, [
      {
        serial: 1,
        time: "2026-11-25T10:00:00Z",
        move: "published",
        sha256: one.sha256,
        revision: "0123456789ab",
        who: "CloudFormation stack Nomad",
      },
    ]);
    assert.equal(account.channel()?.candidate, one.sha256);
    const { sha256, entries } = await checkStored(account.desk(), "workers", one.sha256);
    // files/, files/etc/, files/etc/motd, plan.
    assert.deepEqual([sha256, entries], [one.sha256, 4]);
    const stored = account.s3.get(bucket, archiveKey("workers", one.sha256));
    assert.ok(one.bytes.equals(stored?.content.bytes ?? new Uint8Array()));
    const logged = JSON.parse(lines.at(-1) ?? "{}") as Record<string, unknown>;
    assert.deepEqual([logged["pool"], logged["move"]], ["workers", "published"]);
  });

  it("becomes the current one at once, if that is wanted", async () => {
    await deploy(propertiesOf(one, { ...atOnce, Revision: undefined }));
    assert.deepEqual(moves(), [["promoted", one.sha256]]);
    assert.equal(account.channel()?.history[0]?.revision, undefined);
  });

  it("is one step of the channel, wherever the function died before", async () => {
    let deaths = 0;
    for (;;) {
      account = createBundleAccount();
      account.s3.createBucket(assets, { versioned: false });
      account.s3.put(assets, one.sha256, one.bytes);
      const mortal = killedAt(account, deaths + 1, "after");
      if ((await ask(propertiesOf(one), {}, mortal)).Status === "SUCCESS") break;
      deaths += 1;
      await deploy(propertiesOf(one));
      assert.deepEqual(moves(), [["published", one.sha256]], `after request ${deaths}`);
      await checkStored(account.desk(), "workers", one.sha256);
    }
    assert.ok(deaths > 10, String(deaths));
  });

  it("is waited for while the function's grants arrive", async () => {
    const end = beginning + 30_000;
    const answer = await ask(
      propertiesOf(pinned),
      {},
      account.handler({
        intercept: ({ operation }) =>
          // What S3 answers to HEAD has no body that says why.
          operation === "HeadObject" && account.clock.now() < end
            ? new Response(null, { status: 403 })
            : undefined,
      }),
    );
    assert.match(answer.Reason ?? "", /there is no binaries\/b+ in the bucket/);
    assert.ok(account.clock.now() >= end);
  });

  it("leaves everything when it is deleted", async () => {
    await deploy(propertiesOf(one, atOnce));
    const contents = account.contents();
    const answer = await ask({ Bucket: "gone" }, { RequestType: "Delete" });
    assert.equal(answer.Status, "SUCCESS");
    assert.deepEqual(account.contents(), contents);
  });
});

describe("a stack that is rolled back", () => {
  it("has its former candidate again", async () => {
    await deploy(propertiesOf(one));
    await deploy(propertiesOf(two), propertiesOf(one));
    await deploy(propertiesOf(one), propertiesOf(two));
    assert.deepEqual(pointers(), {
      current: undefined,
      candidate: one.sha256,
      previous: undefined,
    });
  });

  it("has its candidate withdrawn when the former bundle is still the current one", async () => {
    await deploy(propertiesOf(one));
    await promoteStored(account.desk(), byHand);
    await deploy(propertiesOf(two), propertiesOf(one));
    await deploy(propertiesOf(one), propertiesOf(two));
    assert.deepEqual(moves()?.at(-1), ["withdrawn", two.sha256]);
    assert.deepEqual(pointers(), {
      current: one.sha256,
      candidate: undefined,
      previous: undefined,
    });
  });

  it("has its former bundle as the current one again, when it promotes", async () => {
    await deploy(propertiesOf(one, atOnce));
    await deploy(propertiesOf(two, atOnce), propertiesOf(one, atOnce));
    await deploy(propertiesOf(one, atOnce), propertiesOf(two, atOnce));
    assert.deepEqual(pointers(), {
      current: one.sha256,
      candidate: undefined,
      previous: two.sha256,
    });
  });
});

describe("an update that orders what was ordered before", () => {
  /** What a person has done since then. */
  const rollBack = async () => {
    await deploy(propertiesOf(one, atOnce));
    await deploy(propertiesOf(two, atOnce), propertiesOf(one, atOnce));
    await rollBackChannel(account.desk(), byHand);
  };

  it("leaves what a person has rolled back", async () => {
    await rollBack();
    const serial = account.channel()?.serial;
    await deploy(propertiesOf(two, { ...atOnce, Revision: "another" }), propertiesOf(two, atOnce));
    assert.equal(account.channel()?.serial, serial);
    assert.equal(account.channel()?.current, one.sha256);
  });

  it("signs anew what a former key has signed", async () => {
    await rollBack();
    const channel = account.channel();
    const key = account.kms.createKey();
    const place = { bucket, key, trustedKeys: [key] };
    const rotated = propertiesOf(two, {
      ...atOnce,
      Key: key,
      TrustedKeys: [key, account.key],
    });
    await deploy(rotated, propertiesOf(two, atOnce));
    assert.deepEqual(account.channel(), channel);
    // One that believes the new key alone.
    const desk = account.desk({}, place);
    await checkStored(desk, "workers", two.sha256);
    assert.deepEqual((await readChannel(desk, "workers"))?.channel, channel);
  });

  it("publishes when the channel is gone", async () => {
    await deploy(propertiesOf(one, atOnce));
    account.s3.remove(bucket, channelKey("workers"));
    await deploy(propertiesOf(one, atOnce), propertiesOf(one, atOnce));
    assert.deepEqual(moves(), [["promoted", one.sha256]]);
  });

  it("moves what becomes the current one at once from now on", async () => {
    await deploy(propertiesOf(one));
    await deploy(propertiesOf(one, atOnce), propertiesOf(one));
    assert.equal(account.channel()?.current, one.sha256);
  });
});

describe("a deployment fails, and nothing is published,", () => {
  const isUntouched = () => assert.equal(account.channel(), undefined);

  it("when a binary is not in the bucket of the store", async () => {
    const reason = await refused(propertiesOf(pinned));
    assert.match(reason, /^PublishingRefused: .*\/usr\/local\/bin\/nomad: there is no binaries/s);
    isUntouched();
    account.s3.put(bucket, `binaries/${binary}`, "1234");
    await deploy(propertiesOf(pinned));
  });

  it("when another was first", async () => {
    let isFirst = true;
    const handler = withEach(account.handler(), async ({ method, path }) => {
      if (method !== "PUT" || !path.endsWith(channelKey("workers")) || !isFirst) return;
      isFirst = false;
      await deploy(propertiesOf(two));
    });
    await ask(propertiesOf(one), {}, handler);
    const { Status, Reason = "" } = cloudFormation.last().answer;
    assert.equal(Status, "FAILED");
    assert.match(Reason, /^PublishingRefused: .*CloudFormation stack Nomad was first/);
    assert.equal(account.channel()?.candidate, two.sha256);
  });

  const others: readonly {
    readonly name: string;
    readonly make: () => Properties;
    readonly said: RegExp;
  }[] = [
    {
      name: "when the asset is another bundle",
      make: () => propertiesOf(one, { ArchiveKey: two.sha256 }),
      said: /[0-9a-f]{64} of the pool workers, and the template names [0-9a-f]{64} of workers/,
    },
    {
      name: "when the asset was packed for another pool",
      make: () => propertiesOf(one, { Pool: "batch" }),
      said: /is the bundle .* of the pool workers, and the template names .* of batch/,
    },
    {
      name: "when the asset is gone",
      make: () => propertiesOf(one, { ArchiveKey: "gone" }),
      said: /there is no gone any more among the assets/,
    },
    {
      name: "when the asset is no archive",
      make: () => {
        account.s3.put(assets, one.sha256, "<html>");
        return propertiesOf(one);
      },
      said: /[0-9a-f]{64} is no bundle \(.*\): remove it from the bucket of the assets/,
    },
    {
      name: "when half of the asset is there",
      make: () => {
        account.s3.put(assets, one.sha256, one.bytes.subarray(0, one.bytes.length / 2));
        return propertiesOf(one);
      },
      said: /[0-9a-f]{64} is no bundle \(.*\): remove it/,
    },
    {
      name: "with all that is wrong with what it is told",
      make: () => propertiesOf(one, { Sha256: "x", TrustedKeys: [], Promote: "yes", Other: "x" }),
      said: /(?=.*Sha256)(?=.*TrustedKeys)(?=.*Promote)(?=.*Other)/s,
    },
  ];
  for (const { name, make, said } of others) {
    it(name, async () => {
      assert.match(await refused(make()), said);
      isUntouched();
      assert.deepEqual(account.contents(), {});
    });
  }
});

describe("the signature of a bundle that is deployed", () => {
  it("is over what was read, and that is what machines check", async () => {
    await deploy(propertiesOf(one));
    account.s3.put(bucket, signatureKey("workers", one.sha256), "forged");
    await assert.rejects(checkStored(account.desk(), "workers", one.sha256), /not signed/);
    await deploy(propertiesOf(one), propertiesOf(one));
    await checkStored(account.desk(), "workers", one.sha256);
  });
});
