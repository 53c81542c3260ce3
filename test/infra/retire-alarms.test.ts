import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Stack } from "aws-cdk-lib";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { DroverProps } from "../../infra/drover-props.ts";
import { newDrover, newStack, resourcesOfType } from "./apps.ts";

const withDrover = (props: Partial<DroverProps> = {}): Stack => {
  const stack = newStack();
  newDrover(stack, { consul: { address: "https://consul.internal" }, ...props });
  return stack;
};

const alarmsOf = (stack: Stack) =>
  new Map(
    resourcesOfType(stack, "AWS::CloudWatch::Alarm").map(({ Properties }) => [
      /#([\w-]+)$/.exec(String(Properties["AlarmDescription"]))?.[1] ?? "no link",
      Properties,
    ]),
  );

const total = (MetricName: string, bad = 1, of = 1) => ({
  Namespace: "Drover/default",
  MetricName,
  Statistic: "Sum",
  Dimensions: undefined,
  DatapointsToAlarm: bad,
  EvaluationPeriods: of,
});

describe("the alarms", () => {
  const stack = withDrover();
  const alarms = alarmsOf(stack);

  const expected: Record<string, Record<string, unknown>> = {
    "retirements-failed": { Namespace: "AWS/States", MetricName: "ExecutionsFailed" },
    "retirements-timed-out": { Namespace: "AWS/States", MetricName: "ExecutionsTimedOut" },
    "retirements-aborted": { Namespace: "AWS/States", MetricName: "ExecutionsAborted" },
    "forced-drains": total("ForcedDrains"),
    "hooks-expired": total("HooksExpired"),
    "instances-retained": total("InstancesRetained"),
    "dead-letters": {
      Namespace: "AWS/SQS",
      MetricName: "ApproximateNumberOfMessagesVisible",
      Statistic: "Maximum",
    },
    "servers-refused": total("ServersRefused"),
    "settings-refused": total("SettingsRefused"),
    "nomad-unreachable": total("NomadUnreachable", 3, 4),
    "nomad-refused": total("NomadRefused", 3, 4),
    "consul-unreachable": total("ConsulUnreachable", 3, 4),
    "consul-refused": total("ConsulRefused", 3, 4),
    doctor: { ...total("DoctorErrors"), Statistic: "Maximum" },
    "reconciler-failed": { Namespace: "AWS/States", MetricName: "ExecutionsFailed" },
    "reconciler-capped": total("ReconcilerCapped"),
    "reconciler-unknown": total("ReconcilerUnknowns", 6, 6),
    "orphans-again": total("ReconcilerOrphans", 3, 6),
    "doctor-failed": { Namespace: "AWS/States", MetricName: "ExecutionsFailed" },
  };

  it("are these, each with a link to its entry in the runbook", () => {
    assert.deepEqual(new Set(alarms.keys()), new Set(Object.keys(expected)));
    for (const [slug, alarm] of alarms) {
      const description = String(alarm["AlarmDescription"]);
      assert.ok(description.endsWith(` What to do: docs/operate.md#${slug}`), description);
    }
  });

  it("have their entries there", () => {
    const runbook = readFileSync(join(import.meta.dirname, "../../docs/operate.md"), "utf8");
    const headings = new Set([...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading));
    for (const slug of alarms.keys()) assert.ok(headings.has(slug), slug);
  });

  for (const [slug, properties] of Object.entries(expected)) {
    it(`${slug} watches what it says`, () => {
      const alarm = alarms.get(slug);
      for (const [name, value] of Object.entries(properties)) {
        assert.deepEqual(alarm?.[name], value, name);
      }
      assert.equal(alarm?.["Period"], 300);
      assert.equal(alarm["Threshold"], 1);
      assert.equal(alarm["ComparisonOperator"], "GreaterThanOrEqualToThreshold");
      // What the doctor found is so until it looks again.
      assert.equal(alarm["TreatMissingData"], slug === "doctor" ? "ignore" : "notBreaching");
    });
  }

  it("count executions by their sum, since they may be reported twice or late", () => {
    for (const [slug, alarm] of alarms) {
      if (alarm["Namespace"] !== "AWS/States") continue;
      assert.equal(alarm["Statistic"], "Sum", slug);
      assert.match(JSON.stringify(alarm["Dimensions"]), /StateMachineArn/);
    }
  });

  it("tell of trouble and of its end, to a topic that only this account's alarms may use", () => {
    const [topic] = resourcesOfType(stack, "AWS::SNS::Topic");
    assert.ok(topic);
    for (const alarm of alarms.values()) {
      assert.match(JSON.stringify(alarm["AlarmActions"]), /DroverAlarmsTopic/);
      assert.deepEqual(alarm["OKActions"], alarm["AlarmActions"]);
    }
    const [policy] = resourcesOfType(stack, "AWS::SNS::TopicPolicy");
    assert.ok(policy);
    const { Statement } = policy.Properties["PolicyDocument"] as {
      Statement: Record<string, unknown>[];
    };
    const [allow, ...others] = Statement.filter(({ Effect }) => Effect === "Allow");
    assert.equal(others.length, 0);
    assert.deepEqual(allow?.["Principal"], { Service: "cloudwatch.amazonaws.com" });
    assert.deepEqual(allow["Condition"], {
      StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } },
    });
    assert.ok(
      Statement.some(
        ({ Effect, Condition }) =>
          Effect === "Deny" && JSON.stringify(Condition).includes("aws:SecureTransport"),
      ),
    );
  });

  it("can go to a topic that is there already", () => {
    const given = newStack();
    const alarmTopic = Topic.fromTopicArn(
      given,
      "Topic",
      "arn:aws:sns:eu-central-1:111122223333:on-call",
    );
    newDrover(given, { alarmTopic });
    assert.deepEqual(resourcesOfType(given, "AWS::SNS::Topic"), []);
    for (const alarm of alarmsOf(given).values()) {
      assert.deepEqual(alarm["AlarmActions"], ["arn:aws:sns:eu-central-1:111122223333:on-call"]);
    }
  });

  it("do not watch a Consul that there is not", () => {
    const slugs = [...alarmsOf(withDrover({ consul: undefined as never })).keys()];
    assert.ok(slugs.includes("nomad-refused"));
    assert.ok(!slugs.some((slug) => slug.startsWith("consul")));
  });

  it("link to the runbook where people read it", () => {
    const runbookUrl = "https://wiki.internal/drover/operate";
    for (const [slug, alarm] of alarmsOf(withDrover({ runbookUrl }))) {
      assert.ok(String(alarm["AlarmDescription"]).endsWith(` ${runbookUrl}#${slug}`));
    }
  });
});
