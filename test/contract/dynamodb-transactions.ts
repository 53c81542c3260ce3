import assert from "node:assert/strict";

import { TransactionCanceledException, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";

import { type DynamoDbCase, invalid, type Trial } from "./dynamodb-target.ts";

const reference = "Amazon DynamoDB API Reference";

const take = ({ table: TableName, key }: Trial, sk: string) => ({
  Put: {
    TableName,
    Item: key(sk),
    ConditionExpression: "attribute_not_exists(pk)",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
  },
});

export const transactionCases: readonly DynamoDbCase[] = [
  {
    title: "a transaction does all or nothing, and says for each item why not",
    source: `${reference}, TransactWriteItems, CancellationReasons`,
    async run(trial) {
      const { client, put, key, read, table: TableName } = trial;
      await put({ by: { S: "me" } }, "taken");
      await assert.rejects(
        client.send(
          new TransactWriteItemsCommand({
            TransactItems: [take(trial, "free"), take(trial, "taken")],
          }),
        ),
        (error) => {
          assert.ok(error instanceof TransactionCanceledException);
          assert.match(error.message, /\[None, ConditionalCheckFailed\]/);
          assert.deepEqual(
            error.CancellationReasons?.map(({ Code, Item }) => [Code, Item?.["by"]]),
            [
              ["None", undefined],
              ["ConditionalCheckFailed", { S: "me" }],
            ],
          );
          return true;
        },
      );
      assert.equal(await read("free"), undefined);
      const changes = [take(trial, "free"), { Delete: { TableName, Key: key("taken") } }];
      await client.send(new TransactWriteItemsCommand({ TransactItems: changes }));
      assert.deepEqual(await read("free"), key("free"));
      assert.equal(await read("taken"), undefined);
    },
  },
  {
    title: "a transaction may check what it does not write, and updates like others",
    source: `${reference}, ConditionCheck`,
    async run({ client, table: TableName, key, put, readRest }) {
      await put({ open: { BOOL: true } }, "gate");
      const pass = (sk: string) =>
        client.send(
          new TransactWriteItemsCommand({
            TransactItems: [
              {
                ConditionCheck: {
                  TableName,
                  Key: key("gate"),
                  ConditionExpression: "#open = :true",
                  ExpressionAttributeNames: { "#open": "open" },
                  ExpressionAttributeValues: { ":true": { BOOL: true } },
                },
              },
              {
                Update: {
                  TableName,
                  Key: key(sk),
                  UpdateExpression: "ADD n :one",
                  ExpressionAttributeValues: { ":one": { N: "1" } },
                },
              },
            ],
          }),
        );
      await pass("a");
      assert.deepEqual(await readRest("a"), { n: { N: "1" } });
      await put({ open: { BOOL: false } }, "gate");
      await assert.rejects(pass("b"), TransactionCanceledException);
      assert.equal(await readRest("b"), undefined);
      assert.deepEqual(await readRest("gate"), { open: { BOOL: false } });
    },
  },
  {
    title: "a transaction is repeated without effect by its token, and takes an item once",
    source: `${reference}, TransactWriteItems, ClientRequestToken (ten minutes)`,
    async run({ client, table: TableName, key, partition, readRest }) {
      const add = (by: string) =>
        client.send(
          new TransactWriteItemsCommand({
            ClientRequestToken: `token-${partition}`,
            TransactItems: [
              {
                Update: {
                  TableName,
                  Key: key(),
                  UpdateExpression: "ADD n :by",
                  ExpressionAttributeValues: { ":by": { N: by } },
                },
              },
            ],
          }),
        );
      await add("1");
      await add("1");
      assert.deepEqual(await readRest(), { n: { N: "1" } });
      await assert.rejects(add("2"), { name: "IdempotentParameterMismatchException" });
      const twice = { Delete: { TableName, Key: key() } };
      await assert.rejects(
        client.send(new TransactWriteItemsCommand({ TransactItems: [twice, twice] })),
        invalid,
      );
    },
  },
  {
    title: "a slot is taken by who has it, when it is free, and when it has run out",
    async run({ client, table: TableName, key, readRest }) {
      const lease = async (holder: string, now: number): Promise<boolean> => {
        try {
          await client.send(
            new TransactWriteItemsCommand({
              TransactItems: ["pool", "cluster"].map((sk) => ({
                Put: {
                  TableName,
                  Item: { ...key(sk), holder: { S: holder }, until: { N: String(now + 20) } },
                  ConditionExpression:
                    "attribute_not_exists(pk) OR #until < :now OR holder = :holder",
                  ExpressionAttributeNames: { "#until": "until" },
                  ExpressionAttributeValues: {
                    ":now": { N: String(now) },
                    ":holder": { S: holder },
                  },
                },
              })),
            }),
          );
          return true;
        } catch (error) {
          if (error instanceof TransactionCanceledException) return false;
          throw error;
        }
      };
      assert.deepEqual(
        [
          await lease("one", 100),
          await lease("two", 110),
          await lease("one", 110),
          await lease("two", 130),
          await lease("two", 131),
        ],
        [true, false, true, false, true],
      );
      assert.deepEqual(await readRest("pool"), { holder: { S: "two" }, until: { N: "151" } });
    },
  },
];
