import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { droverTasks } from "../../../stepfunctions/tasks.ts";
import type { Template } from "../../../rehearsal/engine/intrinsics.ts";
import { findHandler } from "../../../rehearsal/world/handlers.ts";
import { readStack, secretsOf } from "../../../rehearsal/world/stack.ts";
import { emulatedEndpoints, synthesizeWorld } from "../../../rehearsal/world/template.ts";

const place = { region: "eu-west-1", account: "123456789012", stackName: "Drover" };

const template = synthesizeWorld(emulatedEndpoints, {
  pool: "workers",
  size: 7,
  drainDeadlineSeconds: 600,
  slots: 2,
});
const stack = readStack(template, place);

describe("the synthesized reference app, as the world reads it", () => {
  test("has a function for every task, and a handler for every function", () => {
    const tasks = new Set(stack.functions.map(({ task }) => task));
    assert.deepEqual([...tasks].sort(), Object.keys(droverTasks).sort());
    for (const task of tasks) assert.equal(typeof findHandler(task).createHandler, "function");
    assert.throws(() => findHandler("retire/nothing"), /no handler for the task retire\/nothing/);
  });

  test("has the environment of each function, with everything in it resolved", () => {
    const find = stack.functions.find(({ task }) => task === "retire/find-node");
    assert.equal(find?.env["NOMAD_ADDR"], "https://nomad.internal:4646");
    assert.equal(find.env["AWS_REGION"], "eu-west-1");
    assert.match(find.env["NOMAD_TOKEN_SECRET"] ?? "", /^arn:aws:secretsmanager:/);
    assert.equal(find.timeoutSeconds, 60);
    const intake = stack.functions.find(({ task }) => task === "intake/intake");
    assert.equal(
      intake?.env["DROVER_STATE_MACHINE"],
      "arn:aws:states:eu-west-1:123456789012:stateMachine:drover-default-retire-node",
    );
    for (const { env } of stack.functions)
      for (const [name, value] of Object.entries(env)) assert.equal(typeof value, "string", name);
  });

  test("has versions of the functions, which the state machine calls", () => {
    const [machine] = stack.stateMachines;
    assert.equal(
      machine?.arn,
      "arn:aws:states:eu-west-1:123456789012:stateMachine:drover-default-retire-node",
    );
    const called = [...machine.definition.matchAll(/"Resource":"(arn:aws:lambda[^"]+)"/g)].map(
      ([, arn]) => arn,
    );
    assert.ok(called.length > 10);
    const known = new Set(stack.functions.map(({ arn }) => arn));
    for (const arn of called) assert.ok(arn !== undefined && known.has(arn) && arn.endsWith(":1"));
  });

  test("has the group with its tags and its hook, as CloudFormation would make it", () => {
    assert.equal(stack.groups.length, 1);
    const [group] = stack.groups;
    assert.deepEqual(group?.tags, { "drover:cluster": "default", "drover:pool": "workers" });
    assert.deepEqual(
      group.hooks?.map(({ name, transition, defaultResult }) => ({
        name,
        transition,
        defaultResult,
      })),
      [
        {
          name: "drover-default/retire",
          transition: "autoscaling:EC2_INSTANCE_TERMINATING",
          defaultResult: "CONTINUE",
        },
      ],
    );
    assert.equal(group.max, 7);
  });

  test("has the parameters, the table, the rule and Lambda's queue", () => {
    const parameters = new Map(stack.parameters.map(({ name, value }) => [name, value]));
    assert.equal(parameters.get("/drover/default/stop"), "go");
    const settings = JSON.parse(parameters.get("/drover/default/pools/workers") ?? "");
    assert.equal(settings.drainDeadlineSeconds, 600);
    assert.deepEqual(
      stack.tables.map(({ key }) => key),
      [{ partition: "pk" }],
    );
    const [rule] = stack.rules;
    assert.deepEqual(rule?.pattern?.source, ["aws.autoscaling"]);
    const target = stack.functions.find(({ arn }) => arn === rule?.targets[0]?.arn);
    assert.equal(target?.task, "intake/intake");
    assert.deepEqual(stack.asyncConfigs, [
      { functionName: target.name, maximumRetryAttempts: 2, maximumEventAgeSeconds: 21_600 },
    ]);
  });

  test("tells which variables each secret is for", () => {
    const uses = [...secretsOf(template).values()].map((variables) => [...variables].sort());
    assert.deepEqual(
      uses.toSorted((a, b) => String(a).localeCompare(String(b))),
      [
        ["CONSUL_CACERT_SECRET", "NOMAD_CACERT_SECRET"],
        ["CONSUL_CLIENT_CERT_SECRET", "NOMAD_CLIENT_CERT_SECRET"],
        ["CONSUL_CLIENT_KEY_SECRET", "NOMAD_CLIENT_KEY_SECRET"],
        ["CONSUL_HTTP_TOKEN_SECRET"],
        ["NOMAD_TOKEN_SECRET"],
      ],
    );
  });
});

describe("buckets and keys", () => {
  const read = (Resources: Template["Resources"]) => readStack({ Resources }, place);

  test("are what the template says", () => {
    const { buckets, keys, aliases } = read({
      Kept: {
        Type: "AWS::S3::Bucket",
        Properties: { BucketName: "kept", VersioningConfiguration: { Status: "Enabled" } },
      },
      Plain: { Type: "AWS::S3::Bucket", Properties: { BucketName: "plain" } },
      Key: {
        Type: "AWS::KMS::Key",
        Properties: { KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" },
      },
      Alias: {
        Type: "AWS::KMS::Alias",
        Properties: { AliasName: "alias/one", TargetKeyId: { "Fn::GetAtt": ["Key", "Arn"] } },
      },
    });
    assert.deepEqual(buckets, [
      { name: "kept", versioned: true },
      { name: "plain", versioned: false },
    ]);
    const [key = ""] = keys;
    assert.match(key, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.deepEqual(aliases, [
      { name: "alias/one", keyId: `arn:aws:kms:eu-west-1:123456789012:key/${key}` },
    ]);
  });
});

describe("what the world could not do as AWS does", () => {
  const read = (Resources: Template["Resources"]) => () => readStack({ Resources }, place);

  test("is refused", () => {
    assert.throws(
      read({
        Often: {
          Type: "AWS::Events::Rule",
          Properties: { ScheduleExpression: "cron(0 12 * * ? *)" },
        },
      }),
      /Often: the schedule/,
    );
    assert.throws(
      read({ Vault: { Type: "AWS::KMS::Key", Properties: { KeyUsage: "ENCRYPT_DECRYPT" } } }),
      /Vault: keys of the kind undefined for ENCRYPT_DECRYPT are not emulated/,
    );
    assert.throws(
      read({
        Shaped: {
          Type: "AWS::Events::Rule",
          Properties: { Targets: [{ Id: "One", Arn: "arn", InputPath: "$.detail" }] },
        },
      }),
      /InputPath of the target One/,
    );
    assert.throws(
      read({
        Indexed: {
          Type: "AWS::DynamoDB::Table",
          Properties: {
            KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
            GlobalSecondaryIndexes: [{}],
          },
        },
      }),
      /the indexes of the table/,
    );
  });

  test("is not looked at when nothing refers to it", () => {
    const { functions } = read({
      Strange: { Type: "AWS::Quantum::Computer", Properties: { X: { "Fn::If": ["A", 1, 2] } } },
    })();
    assert.deepEqual(functions, []);
  });
});
