import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  ConditionalCheckFailedException,
  PutItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import * as fc from "fast-check";

import { createWorld, TableName } from "./world.ts";

describe("transactions", () => {
  it("do all or nothing and say for each item why not", async () => {
    const { client, key, read } = createWorld();
    await client.send(
      new PutItemCommand({ TableName, Item: { ...key("taken"), by: { S: "me" } } }),
    );
    const take = (sk: string) => ({
      Put: {
        TableName,
        Item: key(sk),
        ConditionExpression: "attribute_not_exists(pk)",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
      },
    });
    await assert.rejects(
      client.send(new TransactWriteItemsCommand({ TransactItems: [take("free"), take("taken")] })),
      (error) => {
        assert.ok(error instanceof TransactionCanceledException);
        assert.match(error.message, /\[None, ConditionalCheckFailed\]$/);
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
    await client.send(
      new TransactWriteItemsCommand({
        TransactItems: [take("free"), { Delete: { TableName, Key: key("taken") } }],
      }),
    );
    assert.deepEqual(await read("free"), key("free"));
    assert.equal(await read("taken"), undefined);
  });

  it("are repeated without effect by the token, and refuse an item named twice", async () => {
    const { client, key, read, pass } = createWorld();
    const add = (by: string) =>
      client.send(
        new TransactWriteItemsCommand({
          ClientRequestToken: "once",
          TransactItems: [
            {
              Update: {
                TableName,
                Key: key("a"),
                UpdateExpression: "ADD n :by",
                ExpressionAttributeValues: { ":by": { N: by } },
              },
            },
          ],
        }),
      );
    await add("1");
    await add("1");
    assert.deepEqual((await read("a"))?.["n"], { N: "1" });
    await assert.rejects(add("2"), { name: "IdempotentParameterMismatchException" });
    pass(601_000);
    await add("1");
    assert.deepEqual((await read("a"))?.["n"], { N: "2" });
    const twice = { Delete: { TableName, Key: key("a") } };
    await assert.rejects(
      client.send(new TransactWriteItemsCommand({ TransactItems: [twice, twice] })),
      /cannot include multiple operations on one item/,
    );
  });
});

describe("slots as items taken by a condition", () => {
  it("have exactly as many winners as there are free or expired ones", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 12 }),
        async (leases, contenders) => {
          const { client, key } = createWorld();
          const free = leases.filter((expires) => expires < 0).length;
          for (const [slot, expires] of leases.entries())
            if (expires !== -1)
              await client.send(
                new PutItemCommand({
                  TableName,
                  Item: { ...key(`slot-${slot}`), expires: { N: String(expires) } },
                }),
              );
          const take = async (owner: number): Promise<boolean> => {
            for (const slot of leases.keys()) {
              try {
                await client.send(
                  new PutItemCommand({
                    TableName,
                    Item: {
                      ...key(`slot-${slot}`),
                      holder: { S: String(owner) },
                      expires: { N: "99" },
                    },
                    ConditionExpression: "attribute_not_exists(pk) OR expires < :now",
                    ExpressionAttributeValues: { ":now": { N: "0" } },
                  }),
                );
                return true;
              } catch (error) {
                if (!(error instanceof ConditionalCheckFailedException)) throw error;
              }
            }
            return false;
          };
          const won = await Promise.all(Array.from({ length: contenders }, (_, n) => take(n)));
          assert.equal(won.filter(Boolean).length, Math.min(free, contenders));
        },
      ),
      { numRuns: 30 },
    );
  });
});
