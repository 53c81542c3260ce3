import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { synthesizeReference } from "../../infra/reference-app.ts";
import { createResolver } from "../../rehearsal/engine/intrinsics.ts";
import { readStack } from "../../rehearsal/world/stack.ts";
import { account, region } from "../../rehearsal/world.ts";
import { evaluate } from "./evaluate.ts";
import { readRoles } from "./read-roles.ts";

const { template } = synthesizeReference();
const place = { region, account, stackName: "Drover" };
const resolver = createResolver(template, place);
const roles = readRoles(template, place);
const stack = readStack(template, place);
const resources = Object.entries(template.Resources);

const roleOf = (arn: unknown) => {
  const [id] =
    resources.find(
      ([each, { Type }]) => Type === "AWS::IAM::Role" && resolver.attribute(each, "Arn") === arn,
    ) ?? [];
  return roles.byId(id ?? assert.fail(`${String(arn)} is not in the template`));
};

describe("who calls the functions", () => {
  for (const [id, { Properties }] of resources.filter(
    ([, { Type }]) => Type === "AWS::StepFunctions::StateMachine",
  ))
    test(`${resolver.ref(id)} may invoke each function that it names, and no other`, () => {
      const role = roleOf(resolver.resolve(Properties?.["RoleArn"]));
      const definition = String(resolver.resolve(Properties?.["DefinitionString"]));
      const named = stack.functions.filter(({ arn }) => definition.includes(`"${arn}"`));
      assert.ok(named.length > 0);
      const tasks = new Set(named.map(({ task }) => task));
      for (const { arn, task } of stack.functions) {
        if (tasks.has(task) && !named.some((each) => each.arn === arn)) continue;
        const verdict = evaluate(
          {
            principal: role.arn,
            account,
            action: "lambda:InvokeFunction",
            resource: arn,
            context: {},
            policies: role.policies,
          },
          role.key,
        );
        const expected = tasks.has(task) ? "Allowed" : "ImplicitlyDenied";
        assert.deepEqual(verdict, { result: expected }, `${arn} (${task})`);
      }
    });

  test("EventBridge may invoke each function that a rule has as its target", () => {
    const permissions = resources
      .filter(([, { Type }]) => Type === "AWS::Lambda::Permission")
      .map(([, { Properties }]) => resolver.resolve(Properties) as Record<string, unknown>);
    const targets = stack.rules
      .flatMap(({ targets: each }) => each)
      .filter(({ arn }) => stack.functions.some((spec) => spec.arn === arn));
    assert.ok(targets.length > 0);
    for (const { arn } of targets)
      assert.ok(
        permissions.some(
          (each) =>
            each["FunctionName"] === arn &&
            each["Principal"] === "events.amazonaws.com" &&
            each["Action"] === "lambda:InvokeFunction" &&
            each["SourceArn"] !== undefined,
        ),
        arn,
      );
  });
});
