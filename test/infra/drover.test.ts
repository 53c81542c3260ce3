import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RemovalPolicy } from "aws-cdk-lib";
import { Port, SecurityGroup } from "aws-cdk-lib/aws-ec2";
import {
  existingVpc,
  newDrover,
  newGroup,
  newStack,
  type Resource,
  resourcesOf,
  resourcesOfType,
} from "./apps.ts";

const stack = newStack();
newDrover(stack).manage(newGroup(stack), { pool: "workers" });

const only = (type: string, given = stack): Resource => {
  const [first, ...others] = resourcesOfType(given, type);
  assert.ok(first, type);
  assert.equal(others.length, 0, type);
  return first;
};

/** The rule of a source of events. */
const rule = (source: string): Resource["Properties"] => {
  const found = resourcesOfType(stack, "AWS::Events::Rule").find(({ Properties }) =>
    JSON.stringify(Properties["EventPattern"]).includes(`"${source}"`),
  );
  assert.ok(found, source);
  return found.Properties;
};

describe("the rule", () => {
  it("matches the hooks of its own cluster, on the way out", () => {
    assert.deepEqual(rule("aws.autoscaling")["EventPattern"], {
      source: ["aws.autoscaling"],
      "detail-type": ["EC2 Instance-terminate Lifecycle Action"],
      detail: { LifecycleHookName: [{ prefix: "drover-default/" }] },
    });
  });

  it("tries for hours, and then keeps the event", () => {
    const [target] = rule("aws.autoscaling")["Targets"] as Record<string, unknown>[];
    assert.deepEqual(target?.["RetryPolicy"], {
      MaximumEventAgeInSeconds: 21_600,
      MaximumRetryAttempts: 185,
    });
    assert.match(JSON.stringify(target["DeadLetterConfig"]), /DeadLetters/);
  });

  it("alone may invoke the function", () => {
    const permission = only("AWS::Lambda::Permission").Properties;
    assert.equal(permission["Principal"], "events.amazonaws.com");
    assert.match(JSON.stringify(permission["SourceArn"]), /DroverIntakeRule/);
  });
});

describe("the rule of the own deployments", () => {
  it("matches the end of those of its own stack, and of no other", () => {
    assert.deepEqual(rule("aws.cloudformation")["EventPattern"], {
      source: ["aws.cloudformation"],
      "detail-type": ["CloudFormation Stack Status Change"],
      detail: {
        "stack-id": [{ Ref: "AWS::StackId" }],
        "status-details": { status: ["CREATE_COMPLETE", "UPDATE_COMPLETE"] },
      },
    });
  });

  it("starts the doctor, with a role that may do nothing else", () => {
    const [target] = rule("aws.cloudformation")["Targets"] as Record<string, unknown>[];
    const doctor = Object.entries(resourcesOf(stack)).find(
      ([, { Properties }]) => Properties["StateMachineName"] === "drover-default-doctor",
    );
    assert.deepEqual(target?.["Arn"], { Ref: doctor?.[0] });
    assert.match(JSON.stringify(target["DeadLetterConfig"]), /DeadLetters/);
    const [role] = (target["RoleArn"] as { "Fn::GetAtt": string[] })["Fn::GetAtt"];
    const policies = resourcesOfType(stack, "AWS::IAM::Policy").filter(({ Properties }) =>
      JSON.stringify(Properties["Roles"]).includes(`"${role}"`),
    );
    assert.deepEqual(
      policies.map(({ Properties }) => Properties["PolicyDocument"]),
      [
        {
          Version: "2012-10-17",
          Statement: [
            { Effect: "Allow", Action: "states:StartExecution", Resource: { Ref: doctor?.[0] } },
          ],
        },
      ],
    );
  });
});

describe("an event that the function cannot handle", () => {
  it("is tried again, and then kept where the rule's are", () => {
    const config = only("AWS::Lambda::EventInvokeConfig").Properties;
    assert.equal(config["MaximumRetryAttempts"], 2);
    assert.equal(config["MaximumEventAgeInSeconds"], 21_600);
    const [target] = rule("aws.autoscaling")["Targets"] as [{ DeadLetterConfig: { Arn: unknown } }];
    assert.deepEqual(config["DestinationConfig"], {
      OnFailure: { Destination: target.DeadLetterConfig.Arn },
    });
  });

  it("is kept for two weeks, encrypted at rest and on its way", () => {
    const queue = only("AWS::SQS::Queue").Properties;
    assert.equal(queue["SqsManagedSseEnabled"], true);
    assert.equal(queue["MessageRetentionPeriod"], 14 * 24 * 3600);
    const policy = JSON.stringify(only("AWS::SQS::QueuePolicy").Properties);
    assert.match(policy, /"aws:SecureTransport":"false"\}\},"Effect":"Deny"/);
    assert.match(policy, /"aws:SourceArn":\{"Fn::GetAtt":\["DroverIntakeRule/);
  });
});

describe("the table", () => {
  it("costs nothing while idle, is encrypted, and can be restored", () => {
    const table = only("AWS::DynamoDB::Table");
    const { KeySchema, BillingMode, TimeToLiveSpecification, ...rest } = table.Properties;
    assert.deepEqual(KeySchema, [{ AttributeName: "pk", KeyType: "HASH" }]);
    assert.equal(BillingMode, "PAY_PER_REQUEST");
    assert.deepEqual(TimeToLiveSpecification, { AttributeName: "ttl", Enabled: true });
    assert.deepEqual(rest["SSESpecification"], { SSEEnabled: true });
    assert.deepEqual(rest["PointInTimeRecoverySpecification"], {
      PointInTimeRecoveryEnabled: true,
    });
    assert.equal(table.DeletionPolicy, "Delete");
  });

  it("can be kept, with the logs", () => {
    const kept = newStack();
    newDrover(kept, { removalPolicy: RemovalPolicy.RETAIN });
    assert.equal(only("AWS::DynamoDB::Table", kept).DeletionPolicy, "Retain");
    for (const { DeletionPolicy } of resourcesOfType(kept, "AWS::Logs::LogGroup")) {
      assert.equal(DeletionPolicy, "Retain");
    }
  });
});

describe("the stop", () => {
  it("is one parameter, which says go or stop, and begins with go", () => {
    const stop = resourcesOfType(stack, "AWS::SSM::Parameter").find(
      ({ Properties }) => Properties["Name"] === "/drover/default/stop",
    );
    assert.equal(stop?.Properties["Value"], "go");
    assert.equal(stop.Properties["AllowedPattern"], "^(go|stop)$");
  });
});

describe("the network", () => {
  it("has one group of rules of its own, which Nomad can let in", () => {
    const given = newStack();
    const vpc = existingVpc(given);
    const drover = newDrover(given, { vpc });
    const servers = new SecurityGroup(given, "Servers", { vpc, allowAllOutbound: false });
    servers.connections.allowFrom(drover, Port.tcp(4646), "Drover to Nomad");
    const rule = only("AWS::EC2::SecurityGroupIngress", given).Properties;
    assert.equal(rule["FromPort"], 4646);
    assert.match(JSON.stringify(rule["SourceSecurityGroupId"]), /DroverSecurityGroup/);
  });

  it("uses the groups of rules that it is given, and makes none", () => {
    const given = newStack();
    const shared = SecurityGroup.fromSecurityGroupId(given, "Shared", "sg-0123456789abcdef0");
    newDrover(given, { securityGroups: [shared] });
    assert.deepEqual(resourcesOfType(given, "AWS::EC2::SecurityGroup"), []);
    const used = resourcesOfType(given, "AWS::Lambda::Function").flatMap(({ Properties }) =>
      Properties["VpcConfig"] ? [Properties["VpcConfig"] as { SecurityGroupIds: unknown }] : [],
    );
    assert.ok(used.length > 0);
    for (const { SecurityGroupIds } of used) {
      assert.deepEqual(SecurityGroupIds, ["sg-0123456789abcdef0"]);
    }
  });
});

describe("two Drovers in one stack", () => {
  it("share no name", () => {
    const given = newStack();
    const vpc = existingVpc(given);
    newDrover(given, { cluster: "one", vpc }, "One");
    newDrover(given, { cluster: "two", vpc }, "Two");
    const names = Object.values(resourcesOf(given)).flatMap(({ Type, Properties }) =>
      ["Name", "StateMachineName", "LogGroupName", "AlarmName"].flatMap((key) =>
        Type !== "AWS::SSM::Parameter" && key === "Name" ? [] : (Properties[key] ?? []),
      ),
    );
    assert.ok(names.length >= 6);
    assert.equal(new Set(names).size, names.length);
  });
});
