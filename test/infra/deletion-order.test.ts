import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Stack } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import { Port, SecurityGroup, Vpc } from "aws-cdk-lib/aws-ec2";
import { existingVpc, newApp, newDrover, newGroup, newStack, resourcesOf } from "./apps.ts";
import { cyclesOf, referencesOf, waitsFor } from "./references.ts";

const idsOfType = (stack: Stack, type: string): string[] =>
  Object.entries(resourcesOf(stack))
    .filter(([, resource]) => resource.Type === type)
    .map(([id]) => id);

const anyWarning = Match.stringLikeRegexp("deleted first");

describe("in one stack", () => {
  it("a group waits for all that answers its hook, so it is deleted first", () => {
    const stack = newStack();
    newDrover(stack).manage(newGroup(stack), { pool: "workers" });
    const resources = resourcesOf(stack);
    const [group = ""] = idsOfType(stack, "AWS::AutoScaling::AutoScalingGroup");
    const before = waitsFor(referencesOf(resources), group);
    for (const type of [
      "AWS::Events::Rule",
      "AWS::Lambda::Permission",
      "AWS::Lambda::Function",
      "AWS::Lambda::Version",
      "AWS::Lambda::EventInvokeConfig",
      "AWS::StepFunctions::StateMachine",
      "AWS::DynamoDB::Table",
      "AWS::SSM::Parameter",
      "AWS::IAM::Policy",
      "AWS::SQS::Queue",
      "AWS::Logs::LogGroup",
    ]) {
      // The doctor answers no hook.
      const ids = idsOfType(stack, type).filter((id) => !id.startsWith("DroverExamination"));
      assert.notEqual(ids.length, 0, type);
      assert.deepEqual(
        ids.filter((id) => !before.has(id)),
        [],
        type,
      );
    }
    // But for those that its machines have themselves.
    const roles = idsOfType(stack, "AWS::IAM::Role").filter((id) =>
      /^Drover(?!Examination)/.test(id),
    );
    assert.deepEqual(
      roles.filter((id) => !before.has(id)),
      [],
    );
  });

  it("nothing waits for itself, whatever is shared", () => {
    const stack = newStack();
    const vpc = new Vpc(stack, "Vpc", { maxAzs: 2 });
    const shared = new SecurityGroup(stack, "Shared", { vpc });
    const group = newGroup(stack, "Workers", { vpc });
    // Drover may use the group's own network rules; only the group itself waits.
    shared.connections.allowFrom(group, Port.tcp(4646));
    const drover = newDrover(stack, {
      vpc,
      securityGroups: [shared, ...group.connections.securityGroups],
    });
    drover.manage(group, { pool: "workers", onDrainFailure: "retain" });
    newDrover(stack, { cluster: "two", vpc }, "Two").manage(newGroup(stack, "Batch", { vpc }), {
      pool: "batch",
    });
    assert.deepEqual(cyclesOf(resourcesOf(stack)), []);
  });
});

describe("in two stacks", () => {
  const twoStacks = () => {
    const app = newApp();
    return { app, groups: new Stack(app, "Groups"), drovers: new Stack(app, "Drovers") };
  };

  it("the group's comes after Drover's, so it is deleted first", () => {
    const { app, groups, drovers } = twoStacks();
    newDrover(drovers).manage(newGroup(groups), { pool: "workers" });
    app.synth();
    assert.deepEqual(groups.dependencies, [drovers]);
    assert.deepEqual(drovers.dependencies, []);
  });

  it("the group's may use what Drover's makes", () => {
    const { app, groups, drovers } = twoStacks();
    const vpc = new Vpc(drovers, "Vpc");
    newDrover(drovers, { vpc }).manage(newGroup(groups, "Workers", { vpc }), { pool: "workers" });
    app.synth();
    assert.deepEqual(groups.dependencies, [drovers]);
  });

  it("Drover's may need something of the group's; then a warning tells what that means", () => {
    const { app, groups, drovers } = twoStacks();
    const vpc = new Vpc(groups, "Vpc");
    newDrover(drovers, { vpc }).manage(newGroup(groups, "Workers", { vpc }), { pool: "workers" });
    app.synth();
    assert.deepEqual(drovers.dependencies, [groups]);
    assert.deepEqual(groups.dependencies, []);
    Annotations.fromStack(drovers).hasWarning("/Drovers/Drover/Pool-workers", anyWarning);
  });

  it("Drover's may need it by way of a third one", () => {
    const { app, groups, drovers } = twoStacks();
    const vpc = new Vpc(groups, "Vpc");
    const between = new Stack(app, "Between");
    const security = new SecurityGroup(between, "Security", { vpc });
    const drover = newDrover(drovers, { vpc: existingVpc(drovers), securityGroups: [security] });
    drover.manage(newGroup(groups, "Workers", { vpc }), { pool: "workers" });
    app.synth();
    assert.deepEqual(drovers.dependencies, [between]);
    assert.deepEqual(groups.dependencies, []);
    Annotations.fromStack(drovers).hasWarning("*", anyWarning);
  });

  it("Drover's may come after the group's because the app says so", () => {
    const { app, groups, drovers } = twoStacks();
    newDrover(drovers).manage(newGroup(groups), { pool: "workers" });
    drovers.addStackDependency(groups);
    app.synth();
    assert.deepEqual(groups.dependencies, []);
    Annotations.fromStack(drovers).hasWarning("*", anyWarning);
  });

  it("one Drover manages groups of both", () => {
    const { app, groups, drovers } = twoStacks();
    const drover = newDrover(drovers);
    drover.manage(newGroup(groups, "One"), { pool: "one" });
    drover.manage(newGroup(groups, "Two"), { pool: "two" });
    drover.manage(newGroup(drovers, "Three"), { pool: "three" });
    app.synth();
    assert.deepEqual(groups.dependencies, [drovers]);
    assert.deepEqual(cyclesOf(resourcesOf(drovers)), []);
  });
});
