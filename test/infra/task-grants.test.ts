import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { taskGrants } from "../../infra/task-grants.ts";
import { droverTaskNames } from "../../infra/task-names.ts";
import { allTasks } from "../../stepfunctions/tasks.ts";

/**
 * What a role allows is what its function calls: each method of a client, and
 * the actions that it takes. Handlers name their clients alike everywhere.
 */
const actionsOf: Readonly<Record<string, readonly string[]>> = {
  "allRecords.read": ["dynamodb:Scan"],
  "autoScaling.complete": ["autoscaling:CompleteLifecycleAction"],
  "autoScaling.describeInstance": ["autoscaling:DescribeAutoScalingInstances"],
  "autoScaling.groupTags": ["autoscaling:DescribeTags"],
  "autoScaling.heartbeat": ["autoscaling:RecordLifecycleActionHeartbeat"],
  "autoScaling.terminate": ["autoscaling:TerminateInstanceInAutoScalingGroup"],
  "autoScaling.terminationHooks": ["autoscaling:DescribeLifecycleHooks"],
  "ec2.wordsOn": ["ec2:DescribeInstances"],
  "executions.lastState": ["states:GetExecutionHistory"],
  "executions.running": ["states:ListExecutions"],
  "executions.start": ["states:StartExecution"],
  "executions.status": ["states:DescribeExecution"],
  "inventory.all": ["autoscaling:DescribeAutoScalingGroups"],
  "inventory.hooksOf": ["autoscaling:DescribeLifecycleHooks"],
  "inventory.refreshUnderWay": ["autoscaling:DescribeInstanceRefreshes"],
  "inventory.tagged": ["autoscaling:DescribeAutoScalingGroups"],
  "groupMembers.ofGroupsTagged": ["autoscaling:DescribeAutoScalingGroups"],
  "parameters.pools": ["ssm:GetParametersByPath"],
  "records.attachHook": ["dynamodb:UpdateItem"],
  "records.end": ["dynamodb:UpdateItem"],
  "records.read": ["dynamodb:GetItem"],
  "records.readLeases": ["dynamodb:BatchGetItem"],
  "records.releaseLease": ["dynamodb:DeleteItem"],
  "records.take": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
  "records.takeLeases": ["dynamodb:PutItem"],
  "switches.isStopped": ["ssm:GetParameters"],
  "switches.read": ["ssm:GetParameters"],
  "switches.readRight": ["ssm:GetParameters"],
  "tags.carriers": ["tag:GetResources"],
  "tags.read": ["tag:GetResources"],
};

const lambdas = join(import.meta.dirname, "..", "..", "lambdas");

/** The source of a handler with all that it imports, except the clients' own. */
const sourcesOf = (file: string, seen = new Set<string>()): string[] => {
  if (seen.has(file) || file.startsWith(join(lambdas, "clients"))) return [];
  seen.add(file);
  const source = readFileSync(file, "utf8");
  const imports = [...source.matchAll(/^import (?!type)([^;]*?) from "(\..+?)";$/gm)].filter(
    // Without its one function that calls, that module only reads.
    ([, names = "", path = ""]) => !path.endsWith("/heartbeat.ts") || /\bbeat\b/.test(names),
  );
  return [
    source,
    ...imports.flatMap(([, , path = ""]) => sourcesOf(join(dirname(file), path), seen)),
  ];
};

const calledBy = (task: string): Set<string> => {
  const text = sourcesOf(join(lambdas, `${task}.ts`)).join("\n");
  return new Set(
    [
      ...text.matchAll(
        /\b(allRecords|autoScaling|ec2|executions|inventory|groupMembers|parameters|records|switches|tags)\s*\.(\w+)\(/g,
      ),
    ].map(([, client, method]) => `${client}.${method}`),
  );
};

describe("what a function is allowed", () => {
  for (const task of droverTaskNames) {
    it(`${task}: is what it calls, and nothing else`, () => {
      // A map of tags is no client.
      const methods = [...calledBy(task)].filter((method) => method !== "tags.get");
      for (const method of methods) assert.ok(method in actionsOf, `${method} is not known here`);
      const needed = new Set(methods.flatMap((method) => actionsOf[method] ?? []));
      if (allTasks[task].inVpc) {
        needed.add("secretsmanager:BatchGetSecretValue");
        needed.add("secretsmanager:GetSecretValue");
      }
      const granted = new Set(taskGrants[task].flatMap(({ actions }) => actions));
      assert.deepEqual(granted, needed);
    });
  }
});
