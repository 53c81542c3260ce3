import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { synthesizeReference } from "../../infra/reference-app.ts";
import type { Template } from "../../rehearsal/engine/intrinsics.ts";
import { comparePermissions, grantedPermissions } from "./compare-permissions.ts";
import { excusedPermissions } from "./excused-permissions.ts";

const { template } = synthesizeReference();

/** A template in which the role of a task may do something more. */
const allowMore = (task: string, action: string): Template => {
  const changed = structuredClone<Template>(template);
  const role = Object.values(changed.Resources).find(
    ({ Type, Properties }) =>
      Type === "AWS::IAM::Role" && Properties?.["Description"] === `Drover's task ${task}`,
  );
  const policies = role?.Properties?.["Policies"] as
    | { PolicyDocument: { Statement: unknown[] } }[]
    | undefined;
  policies?.[0]?.PolicyDocument.Statement.push({ Effect: "Allow", Action: action, Resource: "*" });
  return changed;
};

const grantedNow = grantedPermissions(template);

describe("permissions of a template", () => {
  test("are those of every function, its attached policies among them", () => {
    assert.ok(grantedNow.includes("intake/intake sqs:SendMessage"));
    assert.ok(grantedNow.includes("retire/find-node secretsmanager:GetSecretValue"));
    const tasks = Object.values(template.Resources).filter(
      ({ Metadata }) => Metadata?.["drover:task"] !== undefined,
    );
    const whose = new Set(grantedNow.map((each) => each.split(" ")[0] ?? ""));
    assert.equal([...whose].filter((each) => each.includes("/")).length, tasks.length);
  });

  test("are those of AWS in the name of state machines and rules", () => {
    for (const permission of [
      "drover-default-retire-node lambda:InvokeFunction(retire/find-node)",
      "drover-default-doctor lambda:InvokeFunction(watch/check-nomad)",
      "events.amazonaws.com states:StartExecution(drover-default-reconcile)",
      "events.amazonaws.com lambda:InvokeFunction(intake/intake)",
    ])
      assert.ok(
        grantedNow.some((each) => each === permission),
        permission,
      );
    const queued = grantedNow.filter((each) => /^events\S+ sqs:SendMessage\(rule\//.test(each));
    assert.equal(queued.length, 2);
  });

  test("that were all used, or excused, are no problem", () => {
    const isExcused = (each: string) =>
      / logs:|^events\S+ sqs:|ec2:.*(Interface|Subnet|Private)/.test(each);
    const used = new Set(grantedNow.filter((each) => !isExcused(each)));
    assert.deepEqual(comparePermissions(grantedNow, used, excusedPermissions), []);
  });

  test("that nobody used are named, task and action", () => {
    const more = grantedPermissions(allowMore("retire/find-node", "ec2:TerminateInstances"));
    const isExcused = (each: string) =>
      / logs:|^events\S+ sqs:|ec2:.*(Interface|Subnet|Private)/.test(each);
    const used = new Set<string>(grantedNow.filter((each) => !isExcused(each)));
    const problems = comparePermissions(more, used, excusedPermissions);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /^retire\/find-node ec2:TerminateInstances: no test used it/);
  });

  test("of one task are not used by another", () => {
    const more = grantedPermissions(allowMore("retire/find-node", "dynamodb:UpdateItem"));
    const isExcused = (each: string) => / (logs|ec2):|^events\S+ sqs:/.test(each);
    const used = new Set<string>(grantedNow.filter((each) => !isExcused(each)));
    const problems = comparePermissions(more, used, excusedPermissions);
    assert.match(problems[0] ?? "", /^retire\/find-node dynamodb:UpdateItem/);
  });

  test("that are excused and used need no excuse any more", () => {
    const problems = comparePermissions(grantedNow, new Set(grantedNow), excusedPermissions);
    assert.equal(problems.length, excusedPermissions.length);
    assert.match(problems[0] ?? "", /excuses nothing/);
  });
});
