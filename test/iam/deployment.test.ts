import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { BundleStore } from "../../infra/bundle-store.ts";
import { ConfigBundle } from "../../infra/config-bundle.ts";
import { readChannel } from "../../lambdas/config/read-channel.ts";
import { createHandler } from "../../lambdas/deploy/publish-bundle.ts";
import { createResolver, type Template as Synthesized } from "../../rehearsal/engine/intrinsics.ts";
import { guard } from "../../rehearsal/world/authorisation.ts";
import { readStack } from "../../rehearsal/world/stack.ts";
import { isolateSdk } from "../../rehearsal/world/sdk-environment.ts";
import { newStack, noCode } from "../infra/apps.ts";
import { createBundleAccount, region, scratchFolder } from "../lambdas/config/bundle-account.ts";
import { type CloudFormation, startCloudFormation } from "../lambdas/deploy/cloud-formation.ts";
import { createAuthority } from "./authority.ts";

/** A bundle that an app publishes, as it is synthesized, with the permissions of its function. */

const { folder, remove } = scratchFolder();
const stack = newStack();
const store = new BundleStore(stack, "Bundles", { code: noCode });
const bundle = new ConfigBundle(stack, "WorkersBundle", {
  store,
  pool: "workers",
  source: join(import.meta.dirname, "../../examples/pool"),
  code: noCode,
});
const template = Template.fromStack(stack).toJSON() as Synthesized;
const place = { region, account: "123456789012", stackName: "Drover" };
const resolver = createResolver(template, place);
const idOf = (type: string, prefix: string): string =>
  Object.entries(template.Resources).find(
    ([id, { Type }]) => Type === type && id.startsWith(prefix),
  )?.[0] ?? assert.fail(prefix);
const published = resolver.resolve(
  template.Resources[idOf("Custom::DroverConfigBundle", "WorkersBundle")]?.Properties,
) as Readonly<Record<string, unknown>>;

const account = createBundleAccount();
const signingKey = account.kms.createKey(resolver.ref(idOf("AWS::KMS::Key", "Bundles")));
const bucket = resolver.ref(idOf("AWS::S3::Bucket", "Bundles"));
const { ArchiveBucket, ArchiveKey } = published as {
  readonly ArchiveBucket: string;
  readonly ArchiveKey: string;
};
account.s3.createBucket(bucket, { versioned: true });
account.s3.createBucket(ArchiveBucket, { versioned: false });
const { outdir } = stack.node.root as App;
const asset = readdirSync(outdir).find((name) => name.endsWith(".tar.gz")) ?? assert.fail();
account.s3.put(ArchiveBucket, ArchiveKey, readFileSync(join(outdir, asset)));

const used = new Set<string>();
const denied: string[] = [];
const authorise = createAuthority({
  journal: {
    used: (_, action) => void used.add(action),
    denied: (_, message) => void denied.push(message),
  },
})({
  template,
  stack: readStack(template, place),
  region,
  account: place.account,
  refs: {},
  group: () => undefined,
  groupOf: () => undefined,
});

let cloudFormation: CloudFormation;
let putBack = () => {};
before(async () => {
  putBack = isolateSdk();
  cloudFormation = await startCloudFormation();
});
after(() => {
  putBack();
  cloudFormation.end();
  remove();
});

const deploy = async (
  properties: Readonly<Record<string, unknown>>,
  before?: Readonly<Record<string, unknown>>,
) => {
  const handler = createHandler({
    env: { AWS_REGION: region, TMPDIR: folder },
    clock: account.clock,
    random: Math.random,
    awsHandler: guard(
      account.handler(),
      {
        name: "the deployment",
        grantedBy: idOf("AWS::IAM::Role", "WorkersBundle"),
        userId: "AROAEXAMPLEEXAMPLE123:function",
      },
      authorise,
    ),
    connect: () => assert.fail(),
    write: () => undefined,
  });
  await handler({
    RequestType: before ? "Update" : "Create",
    ResponseURL: cloudFormation.url,
    StackId: `arn:aws:cloudformation:${region}:${place.account}:stack/Drover/0b7a`,
    RequestId: "request",
    LogicalResourceId: "Published",
    ResourceProperties: properties,
    ...(before && { OldResourceProperties: before }),
  });
  const { Status, Reason } = cloudFormation.last().answer;
  assert.equal(Status, "SUCCESS", Reason);
};

describe("a bundle that an app publishes", () => {
  it("is what the template says, and its function needs what it may do", async () => {
    await deploy(published);
    await deploy({ ...published, Promote: "true" }, published);
    assert.deepEqual(denied, []);
    const desk = account.desk({}, { bucket, key: signingKey, trustedKeys: [signingKey] });
    const channel = (await readChannel(desk, "workers"))?.channel;
    assert.equal(channel?.current, bundle.sha256);
    assert.equal(channel?.serial, 2);
    assert.deepEqual([...used].toSorted(), [
      "kms:GetPublicKey",
      "kms:Sign",
      "s3:GetObject",
      "s3:PutObject",
    ]);
  });
});
