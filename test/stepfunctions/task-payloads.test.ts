import assert from "node:assert/strict";
import { test } from "node:test";
import { synthesizeReference } from "../../infra/reference-app.ts";
import { createResolver } from "../../rehearsal/engine/intrinsics.ts";

test("every task gets an object: its whole input, or one that is composed of it", () => {
  const { template } = synthesizeReference();
  const { resolve } = createResolver(template, {
    region: "eu-west-1",
    account: "123456789012",
    stackName: "Drover",
  });
  const machine = Object.values(template.Resources).find(
    ({ Type }) => Type === "AWS::StepFunctions::StateMachine",
  );
  const definition = JSON.parse(String(resolve(machine?.Properties?.["DefinitionString"])));
  const states: [string, { Type: string; Parameters?: unknown }][] = Object.entries(
    definition.States,
  );
  const given = states
    .filter(([, { Type }]) => Type === "Task")
    .map(([name, { Parameters }]) => [name, typeof Parameters] as const);
  assert.ok(given.length > 10);
  const composed = given.filter(([, type]) => type === "object").map(([name]) => name);
  assert.deepEqual(composed.sort(), [
    "Drain system jobs",
    "Drain work",
    "Recover",
    "Take ownership",
  ]);
  // The text "$" would be the function's event, as it stands.
  assert.ok(given.every(([, type]) => type === "object" || type === "undefined"));
});
