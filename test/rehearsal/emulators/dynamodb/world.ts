import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import type { UpdateItemCommandInput } from "@aws-sdk/client-dynamodb";

import { systemClock } from "../../../../lambdas/runtime/clock.ts";
import { createDynamoDb } from "../../../../rehearsal/emulators/dynamodb/dynamodb.ts";
import { serveInProcess } from "../../../../rehearsal/wire.ts";

export const TableName = "records";

/** An emulator with one table, and a client of the SDK before it. */
export const createWorld = (lag = 0) => {
  let time = Date.UTC(2026, 0, 1);
  const dynamodb = createDynamoDb({ now: () => time, lag });
  dynamodb.createTable({
    name: TableName,
    key: { partition: "pk", sort: "sk" },
    indexes: { byOwner: { partition: "owner", sort: "sk" } },
  });
  const client = new DynamoDBClient({
    region: "eu-west-1",
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    requestHandler: serveInProcess(dynamodb.service, { clock: systemClock }),
    maxAttempts: 1,
  });
  const key = (sk: string, pk = "p") => ({ pk: { S: pk }, sk: { S: sk } });
  const update = (sk: string, input: Omit<UpdateItemCommandInput, "TableName" | "Key">) =>
    client.send(new UpdateItemCommand({ TableName, Key: key(sk), ...input }));
  const read = async (sk: string) =>
    (await client.send(new GetItemCommand({ TableName, Key: key(sk) }))).Item;
  return { dynamodb, client, key, update, read, pass: (ms: number) => (time += ms) };
};

/** What a request that DynamoDB does not understand is refused with. */
export const invalid = { name: "ValidationException" };
