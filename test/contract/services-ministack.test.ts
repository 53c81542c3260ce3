import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { ResourceGroupsTaggingAPIClient } from "@aws-sdk/client-resource-groups-tagging-api";
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { CreateStateMachineCommand, SFNClient } from "@aws-sdk/client-sfn";
import { DeleteParameterCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";

import { anybody, type Ministack, startMinistack } from "./ministack/server.ts";
import { type ResourceTagsTarget, resourceTagsContract } from "./resource-tags.ts";
import { type SecretsManagerTarget, secretsManagerContract } from "./secrets-manager.ts";
import type { ServiceCase } from "./services.ts";
import { type SsmTarget, ssmContract } from "./ssm.ts";
import { type StepFunctionsTarget, stepFunctionsContract } from "./step-functions.ts";

let serial = 0;
const next = () => String((serial += 1));

interface Settings {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: typeof anybody;
  readonly maxAttempts: number;
}

const openStepFunctions = async (settings: Settings): Promise<StepFunctionsTarget> => {
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

const openSecretsManager = async (settings: Settings): Promise<SecretsManagerTarget> => {
  const client = new SecretsManagerClient(settings);
  return {
    client,
    newName: () => `drover/secret-${next()}`,
    async create(Name, SecretString) {
      const { ARN = "" } = await client.send(new CreateSecretCommand({ Name, SecretString }));
      return ARN;
    },
    async rotate(SecretId, SecretString) {
      await client.send(new PutSecretValueCommand({ SecretId, SecretString }));
    },
  };
};

const openSsm = async (settings: Settings): Promise<SsmTarget> => {
  const client = new SSMClient(settings);
  return {
    client,
    newPath: () => `/drover/${next()}`,
    async put(Name, Value, Type = "String") {
      await client.send(new PutParameterCommand({ Name, Value, Type, Overwrite: true }));
    },
    async remove(Name) {
      await client.send(new DeleteParameterCommand({ Name }));
    },
  };
};

/** It finds no instances; a table is as good. */
const openResourceTags = async (settings: Settings): Promise<ResourceTagsTarget> => {
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

let ministack: Ministack;
before(async () => {
  ministack = await startMinistack();
});
after(() => ministack.close());

const hold = <Target extends { readonly client: { destroy(): void } }>(
  name: string,
  contract: readonly ServiceCase<Target>[],
  open: (settings: Settings) => Promise<Target>,
): void => {
  void describe(name, () => {
    let target: Target;
    before(async () => {
      target = await open({
        endpoint: ministack.endpoint,
        region: "eu-west-1",
        credentials: anybody,
        maxAttempts: 1,
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

hold("resource tags, ministack's", resourceTagsContract, openResourceTags);
hold("Step Functions, ministack's", stepFunctionsContract, openStepFunctions);
hold("Secrets Manager, ministack's", secretsManagerContract, openSecretsManager);
hold("the parameter store, ministack's", ssmContract, openSsm);
