import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EC2Client, RunInstancesCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { ResourceGroupsTaggingAPIClient } from "@aws-sdk/client-resource-groups-tagging-api";
import { CreateStateMachineCommand, SFNClient } from "@aws-sdk/client-sfn";

import { openBuckets } from "./aws/buckets.ts";
import { type ClientSettings, openParameters, openSecrets } from "./aws/services.ts";
import { type Ec2Target, ec2Contract } from "./ec2.ts";
import { anywhere, type Ministack, startMinistack } from "./ministack/server.ts";
import { type ResourceTagsTarget, resourceTagsContract } from "./resource-tags.ts";
import { s3Contract } from "./s3.ts";
import { secretsManagerContract } from "./secrets-manager.ts";
import type { ServiceCase } from "./services.ts";
import { ssmContract } from "./ssm.ts";
import { type StepFunctionsTarget, stepFunctionsContract } from "./step-functions.ts";

let serial = 0;
const next = () => String((serial += 1));

const openStepFunctions = async (settings: ClientSettings): Promise<StepFunctionsTarget> => {
  const client = new SFNClient(settings);
  const make = async (name: string, state: object): Promise<string> => {
    const { stateMachineArn = "" } = await client.send(
      new CreateStateMachineCommand({
        name,
        roleArn: "arn:aws:iam::000000000000:role/any",
        definition: JSON.stringify({ StartAt: "Only", States: { Only: { ...state, End: true } } }),
      }),
    );
    return stateMachineArn;
  };
  return {
    client,
    waits: await make("waits", { Type: "Wait", Seconds: 3600 }),
    passes: await make("passes", { Type: "Pass" }),
    newName: () => `run-${next()}`,
  };
};

/** It finds no instances; a table is as good. */
const openResourceTags = async (settings: ClientSettings): Promise<ResourceTagsTarget> => {
  const dynamoDb = new DynamoDBClient(settings);
  return {
    client: new ResourceGroupsTaggingAPIClient(settings),
    newKey: () => `drover:${next()}`,
    type: "dynamodb:table",
    async make(tags) {
      const { TableDescription } = await dynamoDb.send(
        new CreateTableCommand({
          TableName: `table-${next()}`,
          BillingMode: "PAY_PER_REQUEST",
          AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
          KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        }),
      );
      return TableDescription?.TableArn ?? "";
    },
  };
};

/** Its machines run at once, and have ended at once. */
const openEc2 = async (settings: ClientSettings): Promise<Ec2Target> => {
  const client = new EC2Client(settings);
  return {
    client,
    newId: () => `i-${next().padStart(17, "0")}`,
    async launch() {
      const { Instances } = await client.send(
        new RunInstancesCommand({ ImageId: "ami-0000000000000001a", MinCount: 1, MaxCount: 1 }),
      );
      return Instances?.[0]?.InstanceId ?? "";
    },
    async end(id) {
      await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    },
  };
};

let ministack: Ministack;
before(async () => {
  ministack = await startMinistack();
});
after(() => ministack.close());

const hold = <Target extends { readonly client: { destroy(): void } }>(
  name: string,
  contract: readonly ServiceCase<Target>[],
  open: (settings: ClientSettings) => Promise<Target>,
): void => {
  void describe(name, () => {
    let target: Target;
    before(async () => {
      target = await open({
        ...anywhere,
        endpoint: ministack.endpoint,
      });
    });
    after(() => target.client.destroy());
    for (const { title, run, source, ministack: known } of contract) {
      if (known === undefined) void it(title, () => run(target));
      else
        void it(`still differs from ${source}: ${title}`, async () => {
          await assert.rejects(run(target), `it is right by now, no more: ${known}`);
        });
    }
  });
};

hold("EC2, ministack's", ec2Contract, openEc2);
hold("resource tags, ministack's", resourceTagsContract, openResourceTags);
hold("Step Functions, ministack's", stepFunctionsContract, openStepFunctions);
hold("S3, ministack's", s3Contract, (settings) => openBuckets(settings, "one"));
hold("Secrets Manager, ministack's", secretsManagerContract, (settings) =>
  openSecrets(settings, "one"),
);
hold("the parameter store, ministack's", ssmContract, (settings) =>
  openParameters(settings, "one"),
);
