import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DeleteObjectsCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetPublicKeyCommand, KMSClient, SignCommand } from "@aws-sdk/client-kms";
import type { CfnResource } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { BundleStore } from "../../infra/bundle-store.ts";
import { bundleKeyClient, isSignedBy } from "../../lambdas/clients/bundle-key.ts";
import { bundleObjectsClient, type ListedObject } from "../../lambdas/clients/bundle-objects.ts";
import { channelKey } from "../../lambdas/config/keys.ts";
import { createKms } from "../../rehearsal/emulators/kms.ts";
import { createS3 } from "../../rehearsal/emulators/s3/s3.ts";
import type { Template as Synthesized } from "../../rehearsal/engine/intrinsics.ts";
import { seeded } from "../../rehearsal/random.ts";
import { connectTasks } from "../../rehearsal/world/connect-tasks.ts";
import { readStack } from "../../rehearsal/world/stack.ts";
import { account, region } from "../../rehearsal/world.ts";
import { newStack, noCode } from "../infra/apps.ts";
import { createManualClock } from "../rehearsal/emulators/manual-clock.ts";
import { createAuthority } from "./authority.ts";

/** A store of bundles with three functions, as it is synthesized. */
const synthesize = (): Synthesized => {
  const stack = newStack();
  const store = new BundleStore(stack, "Bundles", { code: noCode });
  const make = (id: string, task: string) => {
    const made = new LambdaFunction(stack, id, {
      code: noCode(),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
    });
    (made.node.defaultChild as CfnResource).addMetadata("drover:task", task);
    return made;
  };
  store.grantPublisher(make("Publish", "config/publish"), "workers");
  store.grantViewer(make("Look", "config/look"), "workers");
  make("Prune", "config/prune").addToRolePolicy(
    new PolicyStatement({
      actions: ["s3:DeleteObject"],
      resources: [store.bucket.arnForObjects("bundles/workers/*")],
    }),
  );
  const machine = make("Machine", "config/machine");
  store.grantMachine(machine.role as Parameters<BundleStore["grantMachine"]>[0], {
    pool: "workers",
  });
  return Template.fromStack(stack).toJSON() as Synthesized;
};

const template = synthesize();

const open = () => {
  const stack = readStack(template, { region, account, stackName: "Drover" });
  const clock = createManualClock();
  const s3 = createS3({ now: () => clock.now(), random: seeded(1) });
  const kms = createKms({ random: seeded(1), region, account });
  for (const { name, versioned } of stack.buckets) s3.createBucket(name, { versioned });
  for (const id of stack.keys) kms.createKey(id);
  for (const { name, keyId } of stack.aliases) kms.createAlias(name, keyId);
  const [bucket] = stack.buckets;
  const [key] = stack.keys;
  assert.ok(bucket !== undefined && key !== undefined);
  const used = new Set<string>();
  const denied: string[] = [];
  const authorise = createAuthority({
    journal: {
      used: (task, action) => void used.add(`${task} ${action}`),
      denied: (task, message) => void denied.push(`${task}: ${message}`),
    },
  })({
    template,
    stack,
    region,
    account,
    refs: {},
    group: () => undefined,
    groupOf: () => undefined,
  });
  const awsOf = connectTasks({ kms: kms.service }, { s3, region, clock, authorise });
  const as = (task: string) => {
    const options = {
      region,
      credentials: { accessKeyId: "key", secretAccessKey: "secret" },
      requestHandler: awsOf(`config/${task}`),
      maxAttempts: 1,
    };
    return {
      objects: bundleObjectsClient(options, bucket.name, clock),
      key: bundleKeyClient(options, `arn:aws:kms:${region}:${account}:key/${key}`),
      s3: new S3Client(options),
      kms: new KMSClient(options),
    };
  };
  return { as, bucket, key, s3, kms, used, denied };
};

const accessDenied = { name: "AccessDenied" };

describe("a store of bundles in the embedded world", () => {
  it("has its bucket, with versions, and its key, under its alias too", () => {
    const { bucket, key, kms, s3 } = open();
    assert.equal(bucket.versioned, true);
    assert.deepEqual(s3.buckets(), [bucket.name]);
    assert.equal(kms.publicKey("alias/drover-default-bundles"), kms.publicKey(key));
  });

  it("lets each do what its policies say, and sees it", async () => {
    const { as, used, denied } = open();
    const { objects, key } = as("publish");
    assert.equal(await objects.read(channelKey("workers")), undefined);
    assert.equal(await objects.create(channelKey("workers"), "serial 1"), true);
    assert.equal(await objects.create(channelKey("workers"), "serial 1"), false);
    const found = await objects.read(channelKey("workers"));
    assert.equal(await objects.replace(channelKey("workers"), "serial 2", found?.etag ?? ""), true);
    assert.equal(
      await objects.replace(channelKey("workers"), "serial 3", found?.etag ?? ""),
      false,
    );
    await objects.create("bundles/workers/a.manifest", "manifest");
    const listed: ListedObject[] = [];
    for await (const each of objects.list("bundles/workers/")) listed.push(each);
    assert.deepEqual(
      listed.map((each) => [each.key, each.bytes]),
      [["bundles/workers/a.manifest", 8]],
    );
    await as("prune").objects.remove("bundles/workers/a.manifest");
    const signature = await key.sign("text");
    assert.ok(isSignedBy(await key.publicKey(), "text", signature));
    assert.deepEqual(denied, []);
    const actions = [
      "kms:GetPublicKey",
      "kms:Sign",
      "s3:GetObject",
      "s3:ListBucket",
      "s3:PutObject",
    ];
    assert.deepEqual([...used].toSorted(), [
      "config/prune s3:DeleteObject",
      ...actions.map((action) => `config/publish ${action}`),
    ]);
  });

  it("denies what a policy does not allow, in the shape of each service", async () => {
    const { as, denied, key } = open();
    const { objects, kms } = as("look");
    await assert.rejects(objects.create(channelKey("workers"), "text"), accessDenied);
    await assert.rejects(as("publish").objects.create(channelKey("batch"), "text"), accessDenied);
    const Message = Buffer.alloc(32, 1);
    const SigningAlgorithm = "ECDSA_SHA_256";
    const sign = { KeyId: key, Message, SigningAlgorithm } as const;
    const kmsDenied = { name: "AccessDeniedException" };
    await assert.rejects(kms.send(new SignCommand({ ...sign, MessageType: "DIGEST" })), kmsDenied);
    // Digests alone: what is signed has been looked at before.
    await assert.rejects(as("publish").kms.send(new SignCommand(sign)), kmsDenied);
    await kms.send(new GetPublicKeyCommand({ KeyId: key }));
    assert.equal(denied.length, 4);
    assert.match(denied[0] ?? "", /^config\/look: User: \S+ is not .* s3:PutObject on resource: /);
  });

  it("denies by the policy of the bucket what that of the function allows", async () => {
    const { as, bucket, denied } = open();
    const { s3 } = as("publish");
    const put = { Bucket: bucket.name, Key: channelKey("workers"), Body: "blind" };
    await assert.rejects(s3.send(new PutObjectCommand(put)), accessDenied);
    assert.match(denied[0] ?? "", /s3:PutObject .* with an explicit deny/);
  });

  it("asks for each of several objects that are to be removed", async () => {
    const { as, bucket, s3, denied } = open();
    for (const key of ["bundles/workers/a.tar.gz", channelKey("workers")])
      s3.put(bucket.name, key, "text");
    const remove = (...keys: readonly string[]) =>
      as("prune").s3.send(
        new DeleteObjectsCommand({
          Bucket: bucket.name,
          Delete: { Objects: keys.map((Key) => ({ Key })) },
        }),
      );
    await assert.rejects(remove("bundles/workers/a.tar.gz", channelKey("workers")), accessDenied);
    assert.match(denied[0] ?? "", /s3:DeleteObject on resource: \S+\/channels\/workers /);
    await remove("bundles/workers/a.tar.gz");
    assert.deepEqual(
      s3.objects(bucket.name).map(({ key }) => key),
      [channelKey("workers")],
    );
  });

  it("does not tell who may not list that there is no object, and holds it against nobody", async () => {
    const { as, bucket, s3, denied } = open();
    const { objects } = as("machine");
    await assert.rejects(objects.read(channelKey("workers")), accessDenied);
    s3.put(bucket.name, channelKey("workers"), "text");
    const found = await objects.read(channelKey("workers"));
    assert.deepEqual(found?.content, Buffer.from("text"));
    assert.deepEqual(denied, []);
  });
});
