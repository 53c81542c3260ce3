import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ListTagsOfResourceCommand,
  paginateListTables,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { EC2Client } from "@aws-sdk/client-ec2";
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  paginateListSecrets,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import {
  DeleteParameterCommand,
  paginateGetParametersByPath,
  PutParameterCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";

import type { Ec2Target } from "../ec2.ts";
import type { DynamoDbTarget } from "../dynamodb-target.ts";
import type { SecretsManagerTarget } from "../secrets-manager.ts";
import type { SsmTarget } from "../ssm.ts";
import { bucketHolder } from "./buckets.ts";
import type { Holder } from "./cloud.ts";
import { groupPrefix, isOurs, runParameters, runTag } from "./marks.ts";

/** How clients are made: with nothing, as the environment of a person says. */
export interface ClientSettings {
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly maxAttempts: number;
}

/** Tells what has a name from what has another one, and counts. */
const createNames = (prefix: string) => {
  let serial = 0;
  return () => `${prefix}${(serial += 1)}`;
};

/** Makes the table of the contract of DynamoDB, and waits until it is there. */
export const openTable = async (settings: ClientSettings, run: string): Promise<DynamoDbTarget> => {
  const client = new DynamoDBClient(settings);
  const table = `${groupPrefix}${run}`;
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: ["pk", "sk", "owner"].map((AttributeName) => ({
        AttributeName,
        AttributeType: "S",
      })),
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: "byOwner",
          KeySchema: [
            { AttributeName: "owner", KeyType: "HASH" },
            { AttributeName: "sk", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "ALL" },
        },
      ],
      Tags: [{ Key: runTag, Value: run }],
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 300 }, { TableName: table });
  return { client, table, newPartition: createNames("p") };
};

export const openSecrets = async (
  settings: ClientSettings,
  run: string,
): Promise<SecretsManagerTarget> => {
  const client = new SecretsManagerClient(settings);
  return {
    client,
    newName: createNames(`${groupPrefix}${run}/secret-`),
    async create(Name, SecretString) {
      const Tags = [{ Key: runTag, Value: run }];
      const { ARN = "" } = await client.send(new CreateSecretCommand({ Name, SecretString, Tags }));
      return ARN;
    },
    async rotate(SecretId, SecretString) {
      await client.send(new PutSecretValueCommand({ SecretId, SecretString }));
    },
  };
};

export const openParameters = async (settings: ClientSettings, run: string): Promise<SsmTarget> => {
  const client = new SSMClient(settings);
  return {
    client,
    newPath: createNames(`${runParameters}/${run}/`),
    async put(Name, Value, Type = "String") {
      await client.send(new PutParameterCommand({ Name, Value, Type, Overwrite: true }));
    },
    async remove(Name) {
      await client.send(new DeleteParameterCommand({ Name }));
    },
  };
};

/** Without machines: an account has those of the contract of Auto Scaling. */
export const openEc2 = (settings: ClientSettings): Ec2Target => ({
  client: new EC2Client(settings),
  // None of those that EC2 gives has so many zeros.
  newId: (
    (serial) => () =>
      `i-${String((serial += 1)).padStart(17, "0")}`
  )(0),
});

const tableHolder = (settings: ClientSettings): Holder => {
  const client = new DynamoDBClient(settings);
  return {
    what: "tables",
    async find() {
      const found: string[] = [];
      for await (const { TableNames = [] } of paginateListTables({ client }, {}))
        for (const TableName of TableNames.filter((name) => name.startsWith(groupPrefix))) {
          const { Table } = await client.send(new DescribeTableCommand({ TableName }));
          const ResourceArn = Table?.TableArn;
          if (isOurs(await client.send(new ListTagsOfResourceCommand({ ResourceArn }))))
            found.push(TableName);
        }
      return found;
    },
    async remove(TableName) {
      await client.send(new DeleteTableCommand({ TableName }));
    },
  };
};

const secretHolder = (settings: ClientSettings): Holder => {
  const client = new SecretsManagerClient(settings);
  return {
    what: "secrets",
    async find() {
      const found: string[] = [];
      const pages = paginateListSecrets(
        { client },
        { Filters: [{ Key: "tag-key", Values: [runTag] }] },
      );
      for await (const { SecretList = [] } of pages)
        found.push(...SecretList.filter(isOurs).flatMap(({ ARN }) => ARN ?? []));
      return found;
    },
    async remove(SecretId) {
      await client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
    },
  };
};

const parameterHolder = (settings: ClientSettings): Holder => {
  const client = new SSMClient(settings);
  return {
    what: "parameters",
    async find() {
      const found: string[] = [];
      const pages = paginateGetParametersByPath(
        { client },
        { Path: runParameters, Recursive: true },
      );
      for await (const { Parameters = [] } of pages)
        found.push(...Parameters.flatMap(({ Name }) => Name ?? []));
      return found;
    },
    async remove(Name) {
      await client.send(new DeleteParameterCommand({ Name }));
    },
  };
};

/** Where runs leave something beside Auto Scaling and EC2. */
export const serviceHolders = (settings: ClientSettings): readonly Holder[] => [
  tableHolder(settings),
  secretHolder(settings),
  parameterHolder(settings),
  bucketHolder(settings),
];
