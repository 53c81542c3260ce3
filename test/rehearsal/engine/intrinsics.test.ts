import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createResolver, type Template } from "../../../rehearsal/engine/intrinsics.ts";

const place = { region: "eu-west-1", account: "123456789012", stackName: "Drover" };

const template: Template = {
  Parameters: { Size: { Default: "3" }, Given: {}, Missing: {} },
  Resources: {
    Machine: {
      Type: "AWS::StepFunctions::StateMachine",
      Properties: { StateMachineName: { "Fn::Join": ["-", ["drover", "default", "retire"]] } },
    },
    Find: { Type: "AWS::Lambda::Function", Properties: {} },
    FindVersion: { Type: "AWS::Lambda::Version", Properties: { FunctionName: { Ref: "Find" } } },
    Records: { Type: "AWS::DynamoDB::Table", Properties: { TableName: "records" } },
    Dead: { Type: "AWS::SQS::Queue", Properties: { QueueName: "dead" } },
    Log: { Type: "AWS::Logs::LogGroup", Properties: { LogGroupName: "/aws/drover" } },
    Role: { Type: "AWS::IAM::Role", Properties: { RoleName: "finder" } },
    Token: { Type: "AWS::SecretsManager::Secret", Properties: {} },
    Strange: { Type: "AWS::Quantum::Computer", Properties: {} },
  },
};
const { resolve, ref, attribute } = createResolver(template, {
  ...place,
  parameters: { Given: "by hand" },
  refs: { Token: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:Token-AbCdEf" },
});

describe("what resources are called", () => {
  test("Ref and Fn::GetAtt give what CloudFormation gives", () => {
    const machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:drover-default-retire";
    assert.equal(ref("Machine"), machine);
    assert.equal(attribute("Machine", "Arn"), machine);
    assert.equal(attribute("Machine", "Name"), "drover-default-retire");
    assert.equal(ref("FindVersion"), `${attribute("Find", "Arn")}:1`);
    assert.equal(
      attribute("Records", "Arn"),
      "arn:aws:dynamodb:eu-west-1:123456789012:table/records",
    );
    assert.equal(ref("Dead"), "https://sqs.eu-west-1.amazonaws.com/123456789012/dead");
    assert.equal(attribute("Dead", "Arn"), "arn:aws:sqs:eu-west-1:123456789012:dead");
    assert.equal(
      attribute("Log", "Arn"),
      "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/drover:*",
    );
    assert.equal(attribute("Role", "Arn"), "arn:aws:iam::123456789012:role/finder");
  });

  test("a name that is left out follows from the logical id, and what is made already is taken", () => {
    assert.equal(ref("Find"), createResolver(template, place).ref("Find"));
    assert.match(ref("Find"), /^Drover-Find-[0-9A-F]{12}$/);
    assert.match(ref("Token"), /:secret:Token-AbCdEf$/);
  });

  test("what is not known is refused by name", () => {
    assert.throws(() => ref("Nobody"), /no resource Nobody/);
    assert.throws(() => ref("Strange"), /Strange is a AWS::Quantum::Computer/);
    assert.throws(() => attribute("Machine", "Colour"), /Fn::GetAtt Machine.Colour/);
    assert.throws(() => ref("Missing"), /the parameter Missing has neither value nor default/);
  });
});

describe("intrinsic functions", () => {
  const cases: readonly (readonly [string, unknown, unknown])[] = [
    ["a parameter's default", { Ref: "Size" }, "3"],
    ["a parameter's value", { Ref: "Given" }, "by hand"],
    [
      "pseudo parameters",
      [{ Ref: "AWS::Region" }, { Ref: "AWS::AccountId" }],
      ["eu-west-1", "123456789012"],
    ],
    ["Join", { "Fn::Join": [":", ["a", { Ref: "AWS::Partition" }, 7]] }, "a:aws:7"],
    ["Split and Select", { "Fn::Select": [1, { "Fn::Split": ["-", "a-b-c"] }] }, "b"],
    ["an index as text", { "Fn::Select": ["0", ["x", "y"]] }, "x"],
    ["zones", { "Fn::Select": [2, { "Fn::GetAZs": "" }] }, "eu-west-1c"],
    [
      "Sub",
      { "Fn::Sub": "${AWS::Region}/${Records}/${Records.Arn}/${!kept}" },
      "eu-west-1/records/arn:aws:dynamodb:eu-west-1:123456789012:table/records/${kept}",
    ],
    [
      "Sub with its own",
      { "Fn::Sub": ["${who} in ${AWS::Region}", { who: { Ref: "Given" } }] },
      "by hand in eu-west-1",
    ],
    ["GetAtt as text", { "Fn::GetAtt": "Machine.Name" }, "drover-default-retire"],
    [
      "NoValue",
      { kept: 1, gone: { Ref: "AWS::NoValue" }, list: [1, { Ref: "AWS::NoValue" }, 2] },
      { kept: 1, list: [1, 2] },
    ],
    ["an object with one key that is none", { Reference: "Size" }, { Reference: "Size" }],
  ];
  for (const [name, given, expected] of cases)
    test(name, () => assert.deepEqual(resolve(given), expected));

  test("others are refused by name", () => {
    assert.throws(() => resolve({ "Fn::If": ["IsBig", 1, 2] }), /Fn::If is not known/);
    assert.throws(() => resolve({ deep: [{ "Fn::ImportValue": "x" }] }), /Fn::ImportValue/);
    assert.throws(() => resolve({ "Fn::Select": [5, ["a"]] }), /no element 5/);
    assert.throws(() => resolve({ "Fn::Join": ["", [{ a: 1 }]] }), /is no text/);
  });
});
