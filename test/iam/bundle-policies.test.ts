import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Template } from "aws-cdk-lib/assertions";
import { Role, ServicePrincipal, User } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import { BundleStore } from "../../infra/bundle-store.ts";
import { ConfigBundle } from "../../infra/config-bundle.ts";
import { createResolver, type Template as Synthesized } from "../../rehearsal/engine/intrinsics.ts";
import { newStack, noCode } from "../infra/apps.ts";
import { evaluate } from "./evaluate.ts";
import type { PolicyDocument } from "./read-roles.ts";

/** What may be done with a store of bundles, asked of the policies that are synthesized. */

const region = "eu-central-1";
const account = "111122223333";
const stack = newStack();
const store = new BundleStore(stack, "Bundles", { code: noCode });
new ConfigBundle(stack, "WorkersBundle", {
  store,
  pool: "workers",
  source: join(import.meta.dirname, "../../examples/pool"),
  code: noCode,
});

const machines = new Role(stack, "Machines", {
  assumedBy: new ServicePrincipal("ec2.amazonaws.com"),
});
const nameOfSecret = "drover/workers/gossip";
const parameter = (id: string, parameterName: string) =>
  StringParameter.fromSecureStringParameterAttributes(stack, id, {
    parameterName,
    encryptionKey: Key.fromKeyArn(stack, `${id}Key`, `arn:aws:kms:${region}:${account}:key/own`),
  });
store.grantMachine(machines, {
  pool: "workers",
  secrets: [
    Secret.fromSecretNameV2(stack, "Gossip", nameOfSecret),
    parameter("License", "/drover/workers/license"),
  ],
});
const everyone = { Publisher: "workers", Viewer: "workers", Operator: undefined } as const;
const users = Object.keys(everyone).map((name) => new User(stack, name));
const [publisher, viewer, operator] = users;
store.grantPublisher(publisher ?? assert.fail(), everyone.Publisher);
store.grantViewer(viewer ?? assert.fail(), everyone.Viewer);
store.grantOperator(operator ?? assert.fail());

const template = Template.fromStack(stack).toJSON() as Synthesized;
const resolver = createResolver(template, { region, account, stackName: "Test" });
const resources = Object.entries(template.Resources);

const documentsOf = (type: string, isMeant: (properties: string, id: string) => boolean) =>
  resources
    .filter(
      ([id, { Type, Properties }]) => Type === type && isMeant(JSON.stringify(Properties), id),
    )
    .map(
      ([, { Properties }]) => resolver.resolve(Properties?.["PolicyDocument"]) as PolicyDocument,
    );

const idOf = (type: string, prefix: string): string =>
  resources.find(([id, { Type }]) => Type === type && id.startsWith(prefix))?.[0] ?? assert.fail();

const attachedTo = (key: "Roles" | "Users", id: string) => {
  const found = documentsOf("AWS::IAM::Policy", (properties) =>
    properties.includes(`"${key}":[{"Ref":"${idOf(`AWS::IAM::${key.slice(0, -1)}`, id)}"}]`),
  );
  assert.ok(found.length > 0, id);
  return found;
};

const inlineOf = (id: string): PolicyDocument[] => {
  const { Properties } = template.Resources[idOf("AWS::IAM::Role", id)] ?? assert.fail();
  const inline = resolver.resolve(Properties?.["Policies"]) as { PolicyDocument: PolicyDocument }[];
  return inline.map(({ PolicyDocument }) => PolicyDocument);
};

const managed = (name: string) => {
  const [policy] = documentsOf("AWS::IAM::ManagedPolicy", (properties) =>
    properties.includes(`-bundle-${name}-`),
  );
  return [policy ?? assert.fail()];
};

const [bucketPolicy] = documentsOf("AWS::S3::BucketPolicy", () => true);
const bucket = resolver.attribute(idOf("AWS::S3::Bucket", "Bundles"), "Arn");
const signingKey = resolver.attribute(idOf("AWS::KMS::Key", "Bundles"), "Arn");
const keyPolicy = resolver.resolve(
  template.Resources[idOf("AWS::KMS::Key", "Bundles")]?.Properties?.["KeyPolicy"],
);
const resourcePolicies: Readonly<Record<string, unknown>> = { s3: bucketPolicy, kms: keyPolicy };
const { ArchiveBucket, ArchiveKey } = resolver.resolve(
  template.Resources[idOf("Custom::DroverConfigBundle", "WorkersBundle")]?.Properties,
) as { readonly ArchiveBucket: string; readonly ArchiveKey: string };
const asset = (key: string) => `arn:aws:s3:::${ArchiveBucket}/${key}`;
const digest = "a".repeat(64);
const roleId = "AROAEXAMPLEEXAMPLE123";
const place = `arn:aws:ssm:${region}:${account}:parameter/drover/default/bundles`;
const publishMachine = `arn:aws:states:${region}:${account}:stateMachine:drover-default-publish-bundle`;

const policies = {
  machine: attachedTo("Roles", "Machines"),
  publisher: attachedTo("Users", "Publisher"),
  viewer: attachedTo("Users", "Viewer"),
  operator: attachedTo("Users", "Operator"),
  "publisher policy": managed("publisher"),
  "viewer policy": managed("viewer"),
  "operator policy": managed("operator"),
  deployment: inlineOf("BundlesPreparationRole"),
  "deployment of a bundle": inlineOf("WorkersBundleRole"),
  administrator: [
    {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }],
    },
  ],
} as const;
type Who = keyof typeof policies;

type Context = Readonly<Record<string, string>>;

const ask = (who: Who, action: string, resource: string, context: Context = {}): string => {
  const isObject = /^s3:(Get|Put|Delete)Object/.test(action);
  const verdict = evaluate(
    {
      principal:
        who === "machine"
          ? `arn:aws:sts::${account}:assumed-role/Machines/i-0123456789abcdef0`
          : `arn:aws:iam::${account}:user/${who.replace(" ", "-")}`,
      account,
      action,
      resource: isObject && !resource.startsWith("arn:") ? `${bucket}/${resource}` : resource,
      context: {
        ...(action.startsWith("s3:") && { "aws:SecureTransport": "true" }),
        ...(action === "s3:PutObject" && { "s3:ObjectCreationOperation": "true" }),
        ...(who === "machine" && { "aws:userid": `${roleId}:i-0123456789abcdef0` }),
        ...context,
      },
      policies: policies[who],
      resourcePolicy: resourcePolicies[action.slice(0, action.indexOf(":"))],
    },
    `bundles ${who}`,
  );
  return "error" in verdict ? verdict.error : verdict.result;
};

const once: Context = { "s3:if-none-match": "*" };
const swap: Context = { "s3:if-match": '"0123"' };
const digestOnly: Context = {
  "kms:SigningAlgorithm": "ECDSA_SHA_256",
  "kms:MessageType": "DIGEST",
};

type Row = readonly [action: string, resource: string, context?: Context];

const table: Partial<
  Record<Who, { readonly may: readonly Row[]; readonly mayNot: readonly Row[] }>
> = {
  machine: {
    may: [
      ["s3:GetObject", "channels/workers"],
      ["s3:GetObject", `bundles/workers/${digest}.tar.gz`],
      ["s3:GetObject", `bundles/workers/${digest}.manifest.sig`],
      ["s3:GetObject", `binaries/${digest}`],
      ["s3:PutObject", `reports/workers/${roleId}:i-0123456789abcdef0`],
      [
        "secretsmanager:GetSecretValue",
        `arn:aws:secretsmanager:${region}:${account}:secret:${nameOfSecret}-AbCdEf`,
      ],
      ["ssm:GetParameter", `arn:aws:ssm:${region}:${account}:parameter/drover/workers/license`],
      [
        "kms:Decrypt",
        `arn:aws:kms:${region}:${account}:key/own`,
        { "kms:ViaService": `ssm.${region}.amazonaws.com` },
      ],
    ],
    mayNot: [
      ["s3:GetObject", "channels/batch"],
      ["s3:GetObject", "channels/workers-2"],
      ["s3:GetObject", `bundles/batch/${digest}.tar.gz`],
      ["s3:GetObject", `bundles/workers-2/${digest}.tar.gz`],
      ["s3:GetObjectVersion", "channels/workers"],
      ["s3:GetObject", `reports/workers/${roleId}:i-0123456789abcdef0`],
      ["s3:PutObject", `reports/workers/${roleId}:i-0fedcba9876543210`],
      ["s3:PutObject", `reports/batch/${roleId}:i-0123456789abcdef0`],
      ["s3:PutObject", "channels/workers", swap],
      ["s3:PutObject", `bundles/workers/${digest}.tar.gz`, once],
      ["s3:PutObject", `binaries/${digest}`, once],
      ["s3:DeleteObject", `reports/workers/${roleId}:i-0123456789abcdef0`],
      ["s3:ListBucket", bucket],
      ["s3:ListBucketVersions", bucket],
      ["kms:Sign", signingKey, digestOnly],
      ["kms:GetPublicKey", signingKey],
      ["kms:Decrypt", `arn:aws:kms:${region}:${account}:key/own`],
      ["ssm:GetParameter", place],
      ["ssm:GetParameter", `arn:aws:ssm:${region}:${account}:parameter/drover/batch/license`],
      [
        "secretsmanager:GetSecretValue",
        `arn:aws:secretsmanager:${region}:${account}:secret:${nameOfSecret}-of-servers-AbCdEf`,
      ],
      ["secretsmanager:ListSecrets", "*"],
      [
        "autoscaling:CompleteLifecycleAction",
        `arn:aws:autoscaling:${region}:${account}:autoScalingGroup:1:autoScalingGroupName/workers`,
      ],
      ["states:StartExecution", publishMachine],
    ],
  },
  publisher: {
    may: [
      ["ssm:GetParameter", place],
      ["s3:GetObject", "channels/workers"],
      ["s3:GetObject", `binaries/${digest}`],
      ["s3:ListBucket", bucket],
      ["s3:PutObject", `bundles/workers/${digest}.tar.gz`, once],
      ["s3:PutObject", `bundles/workers/${digest}.manifest`, once],
      ["s3:PutObject", `bundles/workers/${digest}.manifest.sig`, once],
      ["s3:PutObject", `bundles/workers/${digest}.manifest.sig`, swap],
      ["s3:PutObject", `binaries/${digest}`, once],
      ["s3:PutObject", "channels/workers", swap],
      ["s3:PutObject", "channels/workers", once],
      ["s3:GetObject", `reports/workers/${roleId}:i-0123456789abcdef0`],
      ["kms:Sign", signingKey, digestOnly],
      ["kms:GetPublicKey", signingKey],
    ],
    mayNot: [
      ["s3:PutObject", `bundles/workers/${digest}.tar.gz`],
      ["s3:PutObject", `bundles/workers/${digest}.tar.gz`, swap],
      ["s3:PutObject", `bundles/workers/${digest}.manifest`, swap],
      ["s3:PutObject", `binaries/${digest}`, swap],
      ["s3:PutObject", "channels/workers"],
      [
        "s3:PutObject",
        `bundles/workers/${digest}.tar.gz`,
        { ...once, "aws:SecureTransport": "false" },
      ],
      ["s3:PutObject", "channels/batch", swap],
      ["s3:PutObject", `bundles/batch/${digest}.tar.gz`, once],
      ["s3:PutObject", `reports/workers/${roleId}:i-0123456789abcdef0`],
      ["s3:GetObject", "channels/batch"],
      ["s3:DeleteObject", "channels/workers"],
      ["s3:DeleteObject", `bundles/workers/${digest}.tar.gz`],
      ["s3:DeleteObject", `binaries/${digest}`],
      ["s3:DeleteObjectVersion", `bundles/workers/${digest}.tar.gz`],
      ["s3:PutBucketPolicy", bucket],
      ["kms:Sign", signingKey, { ...digestOnly, "kms:MessageType": "RAW" }],
      ["kms:ScheduleKeyDeletion", signingKey],
    ],
  },
  viewer: {
    may: [
      ["ssm:GetParameter", place],
      ["s3:GetObject", "channels/workers"],
      ["s3:GetObject", `bundles/workers/${digest}.tar.gz`],
      ["s3:GetObject", `reports/workers/${roleId}:i-0123456789abcdef0`],
      ["s3:ListBucket", bucket],
      ["kms:GetPublicKey", signingKey],
    ],
    mayNot: [
      ["s3:GetObject", "channels/batch"],
      ["s3:PutObject", "channels/workers", swap],
      ["s3:PutObject", `bundles/workers/${digest}.tar.gz`, once],
      ["s3:DeleteObject", `bundles/workers/${digest}.tar.gz`],
      ["kms:Sign", signingKey, digestOnly],
      ["states:StartExecution", publishMachine],
    ],
  },
  operator: {
    may: [
      ["states:StartExecution", publishMachine],
      [
        "states:DescribeExecution",
        `${publishMachine.replace(":stateMachine:", ":execution:")}:one`,
      ],
      ["s3:GetObject", "channels/batch"],
      ["s3:GetObject", `reports/batch/${roleId}:i-0123456789abcdef0`],
    ],
    mayNot: [
      ["states:StartExecution", publishMachine.replace("publish-bundle", "retire-node")],
      ["states:UpdateStateMachine", publishMachine],
      ["s3:PutObject", "channels/workers", swap],
      ["s3:PutObject", `bundles/workers/${digest}.tar.gz`, once],
      ["s3:DeleteObject", `bundles/workers/${digest}.tar.gz`],
      ["kms:Sign", signingKey, digestOnly],
    ],
  },
  "publisher policy": {
    may: [
      ["s3:PutObject", "channels/batch", swap],
      ["s3:PutObject", `bundles/batch/${digest}.tar.gz`, once],
      ["kms:Sign", signingKey, digestOnly],
    ],
    mayNot: [["states:StartExecution", publishMachine]],
  },
  "viewer policy": {
    may: [["s3:GetObject", "channels/batch"]],
    mayNot: [["s3:PutObject", "channels/batch", swap]],
  },
  "operator policy": {
    may: [["states:StartExecution", publishMachine]],
    mayNot: [["s3:PutObject", "channels/batch", swap]],
  },
  deployment: {
    may: [
      ["s3:PutObject", `binaries/${digest}`, once],
      ["kms:GetPublicKey", signingKey],
    ],
    mayNot: [
      ["s3:PutObject", `binaries/${digest}`],
      ["s3:PutObject", "channels/workers", swap],
      ["s3:PutObject", `bundles/workers/${digest}.tar.gz`, once],
      ["s3:GetObject", `binaries/${digest}`],
      ["kms:Sign", signingKey, digestOnly],
    ],
  },
  "deployment of a bundle": {
    may: [
      ["s3:GetObject", asset(ArchiveKey)],
      ["s3:GetObject", "channels/workers"],
      ["s3:GetObject", `bundles/workers/${digest}.manifest.sig`],
      ["s3:GetObject", `binaries/${digest}`],
      ["s3:ListBucket", bucket],
      ["s3:PutObject", `bundles/workers/${digest}.tar.gz`, once],
      ["s3:PutObject", `bundles/workers/${digest}.manifest.sig`, swap],
      ["s3:PutObject", "channels/workers", once],
      ["s3:PutObject", "channels/workers", swap],
      ["kms:Sign", signingKey, digestOnly],
      ["kms:GetPublicKey", signingKey],
    ],
    mayNot: [
      ["s3:GetObject", asset(`${digest}.zip`)],
      ["s3:PutObject", asset(ArchiveKey)],
      ["s3:ListBucket", `arn:aws:s3:::${ArchiveBucket}`],
      ["s3:GetObject", "channels/batch"],
      ["s3:GetObject", `reports/workers/${roleId}:i-0123456789abcdef0`],
      ["s3:PutObject", `bundles/workers/${digest}.tar.gz`, swap],
      ["s3:PutObject", `bundles/batch/${digest}.tar.gz`, once],
      ["s3:PutObject", "channels/batch", swap],
      ["s3:PutObject", `binaries/${digest}`, once],
      ["s3:DeleteObject", `bundles/workers/${digest}.tar.gz`],
      ["kms:Sign", signingKey, { ...digestOnly, "kms:MessageType": "RAW" }],
      ["ssm:GetParameter", place],
    ],
  },
  administrator: {
    may: [
      ["s3:PutObject", `bundles/workers/${digest}.tar.gz`, once],
      // A part of an upload, whose completion has the condition.
      [
        "s3:PutObject",
        `bundles/workers/${digest}.tar.gz`,
        { "s3:ObjectCreationOperation": "false" },
      ],
    ],
    mayNot: [
      ["s3:PutObject", `bundles/workers/${digest}.tar.gz`],
      ["s3:PutObject", "channels/workers"],
      ["s3:GetObject", "channels/workers", { "aws:SecureTransport": "false" }],
    ],
  },
};

const shown = ([action, resource, context = {}]: Row): string =>
  [action, resource, ...Object.entries(context).map((pair) => pair.join("="))]
    .join(" ")
    .replaceAll(digest, "<digest>");

for (const [who, { may, mayNot }] of Object.entries(table)) {
  describe(`${who}: in the policies of a store of bundles`, () => {
    for (const row of may) {
      it(`may ${shown(row)}`, () => {
        assert.equal(ask(who as Who, ...row), "Allowed");
      });
    }
    for (const row of mayNot) {
      it(`may not ${shown(row)}`, () => {
        assert.match(ask(who as Who, ...row), /^(Im|Ex)plicitlyDenied$/);
      });
    }
  });
}
