import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { Duration, RemovalPolicy, type Stack } from "aws-cdk-lib";
import {
  InstanceClass,
  InstanceSize,
  InstanceType,
  LaunchTemplate,
  MachineImage,
} from "aws-cdk-lib/aws-ec2";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { BundleStore } from "../../infra/bundle-store.ts";
import type { BundleStoreProps, MachineProps } from "../../infra/bundle-store-props.ts";
import {
  formatUserData,
  packMachineScripts,
  userDataLimit,
} from "../../infra/machine-user-data.ts";
import { parseBundlePlace } from "../../lambdas/config/bundle-place.ts";
import { createResolver, type Template } from "../../rehearsal/engine/intrinsics.ts";
import {
  messageOf,
  newApp,
  newStack,
  noCode,
  type Resource,
  resourcesOf,
  resourcesOfType,
} from "./apps.ts";

const place = { region: "eu-central-1", account: "111122223333", stackName: "Test" };
const newKeyPem = (namedCurve = "P-256"): string =>
  generateKeyPairSync("ec", { namedCurve })
    .publicKey.export({ type: "spki", format: "pem" })
    .toString();

const newStore = (stack: Stack, props: BundleStoreProps = {}): BundleStore =>
  new BundleStore(stack, "Bundles", { code: noCode, ...props });

const storeStack = (props: BundleStoreProps = {}): Stack => {
  const stack = newStack();
  newStore(stack, props);
  return stack;
};

const only = (stack: Stack, type: string): Resource => {
  const [found, ...others] = resourcesOfType(stack, type);
  assert.equal(others.length, 0, type);
  return found ?? assert.fail(type);
};

const newRole = (stack: Stack): Role =>
  new Role(stack, "Machines", { assumedBy: new ServicePrincipal("ec2.amazonaws.com") });

const newTemplate = (stack: Stack, props: Partial<MachineProps> = {}, store = newStore(stack)) => {
  const role = newRole(stack);
  return new LaunchTemplate(stack, "Workers", {
    machineImage: MachineImage.latestAmazonLinux2023(),
    instanceType: InstanceType.of(InstanceClass.T3, InstanceSize.MICRO),
    role,
    userData: store.userData({ pool: "workers", role, ...props }),
  });
};

/** The resources of a stack, as they are when the store was prepared. */
const deployed = (stack: Stack, publicKeys: string): Template => {
  const resources = resourcesOf(stack);
  const [prepared, { Properties }] =
    Object.entries(resources).find(([, { Type }]) => Type === "Custom::DroverBundleStore") ??
    assert.fail();
  const attributes = { Scripts: Properties["Scripts"], PublicKeys: publicKeys };
  const text = Object.entries(attributes).reduce(
    (found, [name, value]) =>
      found.replaceAll(`{"Fn::GetAtt":["${prepared}","${name}"]}`, JSON.stringify(value)),
    JSON.stringify(resources),
  );
  return { Resources: JSON.parse(text) as Template["Resources"] };
};

/** What a machine is given, when KMS has said which key it is. */
const userDataOf = (stack: Stack, publicKeys: string): string => {
  const template = deployed(stack, publicKeys);
  const { Properties } =
    Object.values(template.Resources).find(({ Type }) => Type === "AWS::EC2::LaunchTemplate") ??
    assert.fail();
  const data = Properties?.["LaunchTemplateData"] as
    | { readonly UserData: { readonly "Fn::Base64": unknown } }
    | undefined;
  return String(createResolver(template, place).resolve(data?.UserData["Fn::Base64"]));
};

describe("the bucket of bundles", () => {
  it("keeps versions for a month, is nobody else's, and outlives the stack", () => {
    const bucket = only(storeStack(), "AWS::S3::Bucket");
    assert.equal(bucket.DeletionPolicy, "Retain");
    assert.deepEqual(bucket.Properties["VersioningConfiguration"], { Status: "Enabled" });
    assert.deepEqual(bucket.Properties["PublicAccessBlockConfiguration"], {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
    assert.deepEqual(bucket.Properties["OwnershipControls"], {
      Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }],
    });
    assert.match(JSON.stringify(bucket.Properties["BucketEncryption"]), /"AES256"/);
    const { Rules } = bucket.Properties["LifecycleConfiguration"] as {
      Rules: Record<string, unknown>[];
    };
    // Nothing that is current ever expires by itself: a machine may run it.
    assert.deepEqual(Rules, [
      {
        Id: "forget-old-versions",
        Status: "Enabled",
        NoncurrentVersionExpiration: { NoncurrentDays: 30 },
        ExpiredObjectDeleteMarker: true,
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
      },
    ]);
  });

  it("is as it is asked to be", () => {
    const stack = newStack();
    const accessLogsBucket = Bucket.fromBucketName(stack, "Logs", "logs");
    newStore(stack, {
      recoverableFor: Duration.days(7),
      removalPolicy: RemovalPolicy.DESTROY,
      accessLogsBucket,
    });
    const bucket = only(stack, "AWS::S3::Bucket");
    assert.equal(bucket.DeletionPolicy, "Delete");
    assert.deepEqual(bucket.Properties["LoggingConfiguration"], { DestinationBucketName: "logs" });
    assert.match(JSON.stringify(bucket.Properties["LifecycleConfiguration"]), /"NoncurrentDays":7/);
    assert.equal(only(stack, "AWS::KMS::Key").DeletionPolicy, "Delete");
  });
});

describe("the key of bundles", () => {
  it("signs, has its name, and outlives the stack", () => {
    const stack = storeStack({ cluster: "eu" });
    const key = only(stack, "AWS::KMS::Key");
    assert.equal(key.Properties["KeySpec"], "ECC_NIST_P256");
    assert.equal(key.Properties["KeyUsage"], "SIGN_VERIFY");
    assert.equal(key.DeletionPolicy, "Retain");
    const alias = only(stack, "AWS::KMS::Alias").Properties;
    assert.equal(alias["AliasName"], "alias/drover-eu-bundles");
  });

  it("may be another one, while new machines believe the old one too", () => {
    const stack = newStack();
    const keyOf = (name: string) =>
      Key.fromKeyArn(stack, name, `arn:aws:kms:eu-central-1:111122223333:key/${name}`);
    newStore(stack, { signingKey: keyOf("new"), alsoTrusted: [keyOf("old")] });
    assert.deepEqual(resourcesOfType(stack, "AWS::KMS::Key"), []);
    const [old, next] = ["old", "new"].map(
      (name) => `arn:aws:kms:eu-central-1:111122223333:key/${name}`,
    );
    assert.deepEqual(only(stack, "Custom::DroverBundleStore").Properties["Keys"], [next, old]);
    const found = parseBundlePlace(placeOf(stack));
    assert.equal(found?.key, next);
    assert.deepEqual(found?.trustedKeys, [next, old]);
  });
});

const placeOf = (stack: Stack): string => {
  const { Value } = only(stack, "AWS::SSM::Parameter").Properties;
  return String(createResolver({ Resources: resourcesOf(stack) }, place).resolve(Value));
};

describe("the parameter of a store", () => {
  it("tells the command line where the bundles are, as that reads it", () => {
    const stack = storeStack({ cluster: "eu" });
    const resolver = createResolver({ Resources: resourcesOf(stack) }, place);
    const idOf = (type: string) =>
      Object.entries(resourcesOf(stack)).find(([, { Type }]) => Type === type)?.[0] ?? "";
    const key = resolver.attribute(idOf("AWS::KMS::Key"), "Arn");
    assert.equal(only(stack, "AWS::SSM::Parameter").Properties["Name"], "/drover/eu/bundles");
    assert.deepEqual(parseBundlePlace(placeOf(stack)), {
      bucket: resolver.ref(idOf("AWS::S3::Bucket")),
      key,
      trustedKeys: [key],
    });
  });
});

describe("the user data of a store", () => {
  it("is what a machine needs to begin, with the key that KMS gives", () => {
    const stack = newStack();
    newTemplate(stack, {
      serialFloor: 7,
      assignment: "wait",
      bootTime: Duration.minutes(5),
    });
    const pem = newKeyPem().trim();
    const resolver = createResolver(deployed(stack, pem), place);
    const idOf = (type: string, name: string) =>
      Object.entries(resourcesOf(stack)).find(
        ([id, { Type }]) => Type === type && id.startsWith(name),
      )?.[0] ?? "";
    assert.equal(
      userDataOf(stack, pem),
      formatUserData(
        {
          pool: "workers",
          cluster: "default",
          bucket: resolver.ref(idOf("AWS::S3::Bucket", "Bundles")),
          region: place.region,
          roleId: resolver.attribute(idOf("AWS::IAM::Role", "Machines"), "RoleId"),
          serialFloor: 7,
          assignment: "wait",
          bootSeconds: 300,
        },
        pem,
        packMachineScripts().sha256,
      ),
    );
  });

  it("has room for two keys", () => {
    const stack = newStack();
    newTemplate(stack);
    const both = `${newKeyPem()}${newKeyPem()}`.trim();
    const text = userDataOf(stack, both);
    assert.ok(text.includes(both));
    assert.ok(text.length < userDataLimit * 0.75, String(text.length));
  });

  it("takes a key that is given, and still comes after the scripts", () => {
    const stack = newStack();
    const publicKey = newKeyPem();
    newTemplate(stack, { publicKey });
    const text = userDataOf(stack, "another key");
    assert.ok(text.includes(publicKey.trim()));
    assert.ok(!text.includes("another key"));
    assert.match(text, new RegExp(`drover-fetch ${packMachineScripts().sha256}\n$`));
    const template = only(stack, "AWS::EC2::LaunchTemplate");
    assert.match(
      JSON.stringify(template.Properties),
      /"Fn::GetAtt":\["BundlesPreparation[^"]*","Scripts"\]/,
    );
  });

  it("serves a launch template of another stack", () => {
    const app = newApp();
    const stack = newStack(app, "Store");
    const store = newStore(stack);
    const other = newStack(app, "Machines");
    newTemplate(other, {}, store);
    assert.equal(resourcesOfType(other, "AWS::EC2::LaunchTemplate").length, 1);
    assert.ok(other.dependencies.includes(stack));
    assert.ok(!stack.dependencies.includes(other));
  });

  it("takes the id of a role that is somebody else's", () => {
    const stack = newStack();
    const role = Role.fromRoleName(stack, "Others", "others");
    const roleId = "AROAEXAMPLEEXAMPLE123";
    newTemplate(stack, { role, roleId });
    assert.match(userDataOf(stack, newKeyPem()), /^DROVER_ROLE_ID=AROAEXAMPLEEXAMPLE123$/m);
    const policies = resourcesOfType(stack, "AWS::IAM::Policy");
    assert.ok(
      policies.some(({ Properties }) => JSON.stringify(Properties["Roles"]) === '["others"]'),
    );
  });
});

describe("what is not right with a store", () => {
  it("is told at once", () => {
    const message = messageOf(() =>
      newStore(newStack(), { cluster: "EU", recoverableFor: Duration.hours(12) }),
    );
    assert.match(message, /^BundleStore Test\/Bundles is not right:\n/);
    assert.match(message, /- cluster: "EU": give at most 24/);
    assert.match(message, /- recoverableFor: "0.5 days": give whole days between 1 and 3650/);
  });

  it("is told at once for user data", () => {
    const stack = newStack();
    const store = newStore(stack);
    const message = messageOf(() =>
      store.userData({
        pool: "my pool",
        role: Role.fromRoleName(stack, "Others", "others"),
        serialFloor: 1.5,
        assignment: "later" as "wait",
        bootTime: Duration.hours(3),
        publicKey: "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n",
      }),
    );
    for (const expected of [
      /- pool: "my pool": give at most 63/,
      /- roleId: Test\/Others is a role of others, .* aws iam get-role/,
      /- serialFloor: 1.5: give a whole number/,
      /- assignment: "later": give "current" or "wait"/,
      /- bootTime: "10800 seconds": give whole seconds between 60 and 7200/,
      /- publicKey: it is not PEM of public keys of ECC_NIST_P256 alone/,
    ])
      assert.match(message, expected);
    assert.doesNotMatch(message, /secret/);
  });

  for (const [name, publicKey] of [
    ["another curve", newKeyPem("P-384")],
    ["DER", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"],
    ["something beside it", `${newKeyPem()}and more`],
    ["a block that is no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"],
  ] as const) {
    it(`refuses a public key that is ${name}`, () => {
      const stack = newStack();
      assert.match(
        messageOf(() => newTemplate(stack, { publicKey })),
        /- publicKey: /,
      );
    });
  }

  it("accepts several public keys", () => {
    const stack = newStack();
    const publicKey = newKeyPem() + newKeyPem();
    newTemplate(stack, { publicKey });
  });

  it("refuses the id of a role that is none", () => {
    const stack = newStack();
    assert.match(
      messageOf(() => newTemplate(stack, { roleId: "machines" })),
      /- roleId: "machines": /,
    );
  });
});
