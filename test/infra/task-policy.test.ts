import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Stack } from "aws-cdk-lib";
import { Key } from "aws-cdk-lib/aws-kms";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { taskMetadata } from "../../infra/task-function.ts";
import { droverTaskNames } from "../../infra/task-names.ts";
import { allTasks, type DroverTask } from "../../stepfunctions/tasks.ts";
import { existingSecret, newDrover, newGroup, newStack, nomad, resourcesOf } from "./apps.ts";

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

const list = <T>(value: T | readonly T[]): readonly T[] =>
  Array.isArray(value) ? (value as readonly T[]) : [value as T];

/** All that a role may do: what is written in it and what is attached to it. */
const statementsOf = (stack: Stack, roleId: string): Statement[] => {
  const resources = resourcesOf(stack);
  const documents = (value: unknown) => value as { PolicyDocument: { Statement: Statement[] } };
  const inline = (resources[roleId]?.Properties["Policies"] as unknown[] | undefined) ?? [];
  const attached = Object.values(resources)
    .filter(({ Type }) => Type === "AWS::IAM::Policy")
    .filter(({ Properties }) => JSON.stringify(Properties["Roles"]).includes(`"${roleId}"`))
    .map(({ Properties }) => Properties);
  return [...inline, ...attached].flatMap((one) => documents(one).PolicyDocument.Statement);
};

const roleOf = (stack: Stack, task: DroverTask): string => {
  const found = Object.values(resourcesOf(stack)).find(
    ({ Metadata }) => Metadata?.[taskMetadata] === task,
  );
  const role = found?.Properties["Role"] as { "Fn::GetAtt": [string, string] };
  return role["Fn::GetAtt"][0];
};

const token = (stack: Stack) => ({ nomad: { ...nomad, token: existingSecret(stack, "token") } });

const droverStack = (): Stack => {
  const stack = newStack();
  newDrover(stack, token(stack)).manage(newGroup(stack), { pool: "workers" });
  return stack;
};

const stack = droverStack();

const log = ["logs:CreateLogStream", "logs:PutLogEvents"];
const network = [
  "ec2:AssignPrivateIpAddresses",
  "ec2:CreateNetworkInterface",
  "ec2:DeleteNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:UnassignPrivateIpAddresses",
];
const describe3 = [
  "autoscaling:DescribeAutoScalingInstances",
  "autoscaling:DescribeLifecycleHooks",
  "autoscaling:DescribeTags",
];
const inVpc = ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue", ...network];

/** Each action that a function may take, and nothing else; its own log apart. */
const allowed: Record<DroverTask, readonly string[]> = {
  "intake/intake": [
    "autoscaling:DescribeLifecycleHooks",
    "autoscaling:DescribeTags",
    "dynamodb:GetItem",
    "dynamodb:UpdateItem",
    "sqs:SendMessage",
    "states:DescribeExecution",
    "states:StartExecution",
    "tag:GetResources",
  ],
  "retire/take-ownership": [
    ...describe3,
    "dynamodb:GetItem",
    "dynamodb:UpdateItem",
    "ssm:GetParameters",
    "states:DescribeExecution",
  ],
  "retire/keep-alive": [
    "autoscaling:RecordLifecycleActionHeartbeat",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
  ],
  "retire/take-slot": [
    "autoscaling:RecordLifecycleActionHeartbeat",
    "dynamodb:BatchGetItem",
    "dynamodb:PutItem",
    "ssm:GetParameters",
  ],
  "retire/complete-hook": [
    "autoscaling:CompleteLifecycleAction",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "ssm:GetParameters",
  ],
  "retire/await-termination": [
    "autoscaling:CompleteLifecycleAction",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeLifecycleHooks",
  ],
  "retire/record-retirement": ["dynamodb:UpdateItem"],
  "retire/recover": [
    "autoscaling:CompleteLifecycleAction",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:UpdateItem",
  ],
  "watch/check-groups": [
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeInstanceRefreshes",
    "autoscaling:DescribeLifecycleHooks",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "tag:GetResources",
  ],
  "watch/check-nomad": inVpc,
  "watch/check-consul": inVpc,
  "watch/report-findings": [],
  "watch/look-at-aws": [
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeLifecycleHooks",
    "dynamodb:BatchGetItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:Scan",
    "states:DescribeExecution",
    "states:DescribeExecution",
    "states:GetExecutionHistory",
    "states:ListExecutions",
    "tag:GetResources",
  ],
  "watch/repair-ownership": [
    "autoscaling:RecordLifecycleActionHeartbeat",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:UpdateItem",
    "states:DescribeExecution",
    "states:StartExecution",
  ],
  "watch/look-at-cluster": inVpc,
  "watch/plan-repairs": ["dynamodb:GetItem", "ec2:DescribeInstances", "ssm:GetParameters"],
  "watch/repair-cluster": inVpc,
  "watch/report-repairs": ["dynamodb:DeleteItem", "dynamodb:UpdateItem"],
  "retire/find-node": inVpc,
  "retire/cordon-node": inVpc,
  "retire/count-drains": inVpc,
  "retire/drain-node": inVpc,
  "retire/forget-node": inVpc,
  "retire/look-again": inVpc,
};

/** Actions that AWS allows on no single resource: they read, or attach a function to its network. */
const needEverything = [
  ...describe3,
  "autoscaling:DescribeAutoScalingGroups",
  "autoscaling:DescribeInstanceRefreshes",
  "ec2:DescribeInstances",
  // Needs GetSecretValue of each secret besides.
  "secretsmanager:BatchGetSecretValue",
  "tag:GetResources",
  ...network,
];

describe("the role of a function", () => {
  for (const task of droverTaskNames) {
    const statements = statementsOf(stack, roleOf(stack, task));
    const allows = statements.filter(({ Effect }) => Effect === "Allow");

    it(`of ${task} allows these actions and no other`, () => {
      const actions = allows.flatMap(({ Action }) => list(Action));
      assert.deepEqual(actions.toSorted(), [...allowed[task], ...log].toSorted());
    });

    it(`of ${task} names resources wherever AWS can tell them apart`, () => {
      for (const { Action, Resource } of allows) {
        if (Resource !== "*") continue;
        const others = list(Action).filter((action) => !needEverything.includes(action));
        assert.deepEqual(others, []);
      }
    });

    it(`of ${task} can be taken by Lambda alone`, () => {
      const role = resourcesOf(stack)[roleOf(stack, task)]?.Properties;
      assert.deepEqual(role?.["AssumeRolePolicyDocument"], {
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Action: "sts:AssumeRole",
            Principal: { Service: "lambda.amazonaws.com" },
          },
        ],
      });
      assert.equal(role["ManagedPolicyArns"], undefined);
    });
  }

  it("changes a group only if it is tagged with the cluster and a pool", () => {
    const changes = droverTaskNames
      .flatMap((task) => statementsOf(stack, roleOf(stack, task)))
      .filter(({ Action }) => list(Action).some((name) => /^autoscaling:(?!Describe)/.test(name)));
    assert.equal(changes.length, 7);
    for (const { Condition, Resource } of changes) {
      assert.deepEqual(Condition, {
        StringEquals: { "aws:ResourceTag/drover:cluster": "default" },
        Null: { "aws:ResourceTag/drover:pool": "false" },
      });
      assert.match(JSON.stringify(Resource), /:autoScalingGroup:\*:autoScalingGroupName\/\*"/);
    }
  });

  it("keeps the code of a function in the VPC from making interfaces itself", () => {
    const tasks = droverTaskNames.filter((task) => allTasks[task].inVpc);
    assert.ok(tasks.length > 0);
    for (const task of tasks) {
      const denied = statementsOf(stack, roleOf(stack, task)).filter(
        ({ Effect }) => Effect === "Deny",
      );
      assert.deepEqual(denied, [
        {
          Effect: "Deny",
          Action: network,
          Resource: "*",
          Condition: { Null: { "lambda:SourceFunctionArn": "false" } },
        },
      ]);
    }
  });

  it("reaches only the parameters, records and executions of its own cluster", () => {
    const text = JSON.stringify(statementsOf(stack, roleOf(stack, "retire/take-ownership")));
    assert.match(text, /:parameter\/drover\/default\/stop"/);
    assert.match(text, /:parameter\/drover\/default\/pools\/\*"/);
    assert.match(text, /:execution:drover-default-retire-node:\*"/);
    const checking = JSON.stringify(statementsOf(stack, roleOf(stack, "watch/check-groups")));
    assert.match(checking, /:parameter\/drover\/default\/pools"/);
    const intake = JSON.stringify(statementsOf(stack, roleOf(stack, "intake/intake")));
    assert.match(intake, /:stateMachine:drover-default-retire-node"/);
  });
});

describe("the secrets", () => {
  const find = (given: Stack) => statementsOf(given, roleOf(given, "retire/find-node"));

  it("can be read by their full names, each once", () => {
    const given = newStack();
    const secret = existingSecret(given, "both");
    newDrover(given, {
      nomad: { ...nomad, token: secret },
      consul: {
        address: "https://consul.internal",
        token: secret,
        tls: { ca: Secret.fromSecretNameV2(given, "Ca", "drover/ca") },
      },
    });
    const [read] = find(given).filter(({ Action }) => Action === "secretsmanager:GetSecretValue");
    const text = JSON.stringify(read?.Resource);
    assert.equal(text.split("both-AbCdEf").length, 2);
    // Of a secret known by its name AWS appends six characters.
    assert.match(text, /:secret:drover\/ca-\?{6}"/);
  });

  it("need no statement when there are none", () => {
    const given = newStack();
    newDrover(given);
    assert.ok(!JSON.stringify(find(given)).includes("secretsmanager"));
  });

  it("with a key of their own can be decrypted, through Secrets Manager alone", () => {
    const given = newStack();
    const encryptionKey = Key.fromKeyArn(
      given,
      "Key",
      "arn:aws:kms:eu-central-1:111122223333:key/0123",
    );
    const secret = Secret.fromSecretAttributes(given, "Token", {
      secretCompleteArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:t-AbCdEf",
      encryptionKey,
    });
    newDrover(given, { nomad: { ...nomad, token: secret } });
    const decrypt = find(given).find(({ Action }) => Action === "kms:Decrypt");
    assert.equal(decrypt?.Resource, "arn:aws:kms:eu-central-1:111122223333:key/0123");
    assert.match(JSON.stringify(decrypt.Condition), /"kms:ViaService".*secretsmanager\./);
  });
});

describe("the role of a state machine", () => {
  const machines = Object.values(resourcesOf(stack)).filter(
    ({ Type }) => Type === "AWS::StepFunctions::StateMachine",
  );
  const statementsOfMachine = (machine: (typeof machines)[number]) => {
    const role = machine.Properties["RoleArn"] as { "Fn::GetAtt": [string, string] };
    return statementsOf(stack, role["Fn::GetAtt"][0]);
  };
  const invokedBy = (statements: readonly Statement[]): string[] =>
    statements
      .filter(({ Action }) => Action === "lambda:InvokeFunction")
      .flatMap(({ Resource }) => list(Resource))
      .map((resource) => JSON.stringify(resource));

  it("invokes functions, and writes its log", () => {
    for (const machine of machines) {
      const actions = new Set(statementsOfMachine(machine).flatMap(({ Action }) => list(Action)));
      assert.deepEqual(
        [...actions].filter((action) => !/^logs:.*(Deliver|ResourcePolic|LogGroups)/.test(action)),
        ["lambda:InvokeFunction"],
      );
    }
  });

  it("invokes the functions of its own tasks, in any version", () => {
    for (const machine of machines) {
      const definition = JSON.stringify(machine.Properties["DefinitionString"]);
      const invoked = invokedBy(statementsOfMachine(machine));
      for (const task of droverTaskNames) {
        const name = Object.entries(resourcesOf(stack)).find(
          ([, { Metadata }]) => Metadata?.[taskMetadata] === task,
        )?.[0];
        assert.equal(
          invoked.some((resource) => resource.includes(`"${name}","Arn"]},":*"`)),
          // Without the hash at the end of a logical id.
          definition.includes(`${name?.slice(0, -8)}CurrentVersion`),
          task,
        );
      }
    }
    const all = machines.flatMap((machine) => invokedBy(statementsOfMachine(machine)));
    assert.ok(all.length >= droverTaskNames.length - 1);
  });
});
