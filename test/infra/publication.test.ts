import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { taskMetadata } from "../../infra/task-function.ts";
import { publishTaskNames } from "../../infra/task-names.ts";
import { synthesizeReference } from "../../infra/reference-app.ts";
import type { PublishTask } from "../../stepfunctions/tasks.ts";

const { template } = synthesizeReference({ bundles: true });
const resources = Object.entries(template.Resources);

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

const functionOf = (task: PublishTask) => {
  const found = resources.find(([, { Metadata }]) => Metadata?.[taskMetadata] === task);
  assert.ok(found, task);
  return found[1].Properties ?? {};
};
const statementsOf = (task: PublishTask): readonly Statement[] => {
  const [role] = (functionOf(task)["Role"] as { "Fn::GetAtt": string[] })["Fn::GetAtt"];
  const policies = template.Resources[role ?? ""]?.Properties?.["Policies"] as readonly {
    readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  }[];
  return policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
};
const list = (action: string | readonly string[]) => [action].flat();
const log = ["logs:CreateLogStream", "logs:PutLogEvents"];

const allowed: Record<PublishTask, readonly string[]> = {
  "config/read-order": [],
  "config/show-bundles": ["kms:GetPublicKey", "s3:GetObject", "s3:ListBucket"],
  "config/check-bundle": ["kms:GetPublicKey", "s3:GetObject", "s3:ListBucket"],
  "config/move-channel": [
    "kms:GetPublicKey",
    "kms:Sign",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutObject",
  ],
  "config/prune-bundles": [
    "ec2:DescribeInstances",
    "kms:GetPublicKey",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListBucket",
  ],
};

describe("the functions of publish-bundle", () => {
  for (const task of publishTaskNames) {
    it(`may do this and nothing else: ${task}`, () => {
      const actions = statementsOf(task).flatMap(({ Action }) => list(Action));
      assert.deepEqual(actions.toSorted(), [...allowed[task], ...log].toSorted());
      assert.equal(functionOf(task)["VpcConfig"], undefined);
    });
  }

  it("write no object but channels, and remove none of these", () => {
    for (const task of publishTaskNames) {
      for (const { Action, Resource } of statementsOf(task)) {
        const text = JSON.stringify(Resource);
        if (list(Action).includes("s3:PutObject")) assert.match(text, /"\/channels\/\*"/);
        if (list(Action).includes("s3:DeleteObject"))
          assert.doesNotMatch(text, /channels|binaries/);
        if (list(Action).some((action) => /^s3:(Put|Delete)/.test(action)))
          assert.doesNotMatch(text, /"\*"/);
      }
    }
  });

  it("sign digests alone, and only one of them does", () => {
    const signing = publishTaskNames.flatMap((task) =>
      statementsOf(task).filter(({ Action }) => list(Action).includes("kms:Sign")),
    );
    assert.deepEqual(
      signing.map(({ Condition }) => Condition),
      [
        {
          StringEquals: {
            "kms:SigningAlgorithm": "ECDSA_SHA_256",
            "kms:MessageType": "DIGEST",
          },
        },
      ],
    );
  });

  it("know how many bundles are kept, and for how long", () => {
    const { Variables } = functionOf("config/prune-bundles")["Environment"] as {
      readonly Variables: Readonly<Record<string, unknown>>;
    };
    assert.deepEqual(
      [Variables["DROVER_KEEP_BUNDLES"], Variables["DROVER_KEEP_DAYS"]],
      ["10", "90"],
    );
  });
});

describe("publish-bundle", () => {
  const machine = resources.find(
    ([, { Properties }]) => Properties?.["StateMachineName"] === "drover-default-publish-bundle",
  );

  it("removes old bundles each day", () => {
    const rules = resources
      .map(([, resource]) => resource)
      .filter(({ Type, Properties }) => {
        const targets = Properties?.["Targets"] as readonly { readonly Arn: unknown }[] | undefined;
        return (
          Type === "AWS::Events::Rule" && JSON.stringify(targets).includes(machine?.[0] ?? "?")
        );
      });
    assert.deepEqual(
      rules.map(({ Properties }) => [
        Properties?.["ScheduleExpression"],
        (Properties?.["Targets"] as readonly { readonly Input: string }[] | undefined)?.[0]?.Input,
      ]),
      [["rate(1 day)", '{"action":"prune"}']],
    );
  });

  it("has an alarm for a run that failed", () => {
    const alarms = resources.filter(
      ([, { Type, Properties }]) =>
        Type === "AWS::CloudWatch::Alarm" &&
        JSON.stringify(Properties?.["Dimensions"] ?? "").includes(machine?.[0] ?? "?"),
    );
    assert.equal(alarms.length, 1);
    assert.match(
      JSON.stringify(alarms[0]?.[1].Properties?.["AlarmDescription"]),
      /#publish-bundle-failed/,
    );
    const runbook = readFileSync(join(import.meta.dirname, "../../docs/operate.md"), "utf8");
    assert.match(runbook, /^## publish-bundle-failed$/m);
  });
});
