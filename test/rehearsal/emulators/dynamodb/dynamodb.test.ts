import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { UpdateItemCommandInput } from "@aws-sdk/client-dynamodb";
import * as fc from "fast-check";

import { systemClock } from "../../../../lambdas/runtime/clock.ts";
import { createDynamoDb } from "../../../../rehearsal/emulators/dynamodb/dynamodb.ts";
import { serveInProcess } from "../../../../rehearsal/wire.ts";

const TableName = "records";

const world = () => {
  let time = Date.UTC(2026, 0, 1);
  const dynamodb = createDynamoDb({ now: () => time });
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

const invalid = { name: "ValidationException" };

describe("single items", () => {
  it("stores, reads and deletes", async () => {
    const { client, key, read } = world();
    const Item = { ...key("a"), n: { N: "1" }, m: { M: { deep: { L: [{ BOOL: true }] } } } };
    assert.deepEqual(
      (await client.send(new PutItemCommand({ TableName, Item }))).Attributes,
      undefined,
    );
    assert.deepEqual(await read("a"), Item);
    const { Attributes } = await client.send(
      new DeleteItemCommand({ TableName, Key: key("a"), ReturnValues: "ALL_OLD" }),
    );
    assert.deepEqual(Attributes, Item);
    assert.equal(await read("a"), undefined);
  });

  it("answers a failed condition with the item, if it is asked to", async () => {
    const { client, key } = world();
    const Item = { ...key("a"), owner: { S: "first" } };
    const put = (owner: string, more: object) =>
      client.send(
        new PutItemCommand({
          TableName,
          Item: { ...key("a"), owner: { S: owner } },
          ConditionExpression: "attribute_not_exists(pk)",
          ...more,
        }),
      );
    await put("first", {});
    await assert.rejects(put("second", {}), (error) => {
      assert.ok(error instanceof ConditionalCheckFailedException);
      assert.equal(error.message, "The conditional request failed");
      assert.equal(error.Item, undefined);
      return true;
    });
    await assert.rejects(
      put("second", { ReturnValuesOnConditionCheckFailure: "ALL_OLD" }),
      (error) => {
        assert.ok(error instanceof ConditionalCheckFailedException);
        assert.deepEqual(error.Item, Item);
        return true;
      },
    );
  });

  it("knows no table that was not created", async () => {
    const { client, key } = world();
    await assert.rejects(client.send(new GetItemCommand({ TableName: "other", Key: key("a") })), {
      name: "ResourceNotFoundException",
    });
  });

  it("refuses a key of another shape, and inputs that it does not emulate", async () => {
    const { client, key } = world();
    await assert.rejects(
      client.send(new GetItemCommand({ TableName, Key: { pk: { S: "p" } } })),
      /The provided key element does not match the schema/,
    );
    await assert.rejects(
      client.send(new GetItemCommand({ TableName, Key: key("a"), AttributesToGet: ["pk"] })),
      /AttributesToGet/,
    );
  });

  it("projects attributes", async () => {
    const { client, key } = world();
    await client.send(
      new PutItemCommand({ TableName, Item: { ...key("a"), x: { N: "1" }, y: { N: "2" } } }),
    );
    const { Item } = await client.send(
      new GetItemCommand({
        TableName,
        Key: key("a"),
        ProjectionExpression: "#x, absent",
        ExpressionAttributeNames: { "#x": "x" },
      }),
    );
    assert.deepEqual(Item, { x: { N: "1" } });
  });

  it("reads a batch, of which some may be missing", async () => {
    const { client, key } = world();
    await client.send(new PutItemCommand({ TableName, Item: key("a") }));
    const { Responses } = await client.send(
      new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: [key("a"), key("b")] } } }),
    );
    assert.deepEqual(Responses, { [TableName]: [key("a")] });
  });
});

describe("updates", () => {
  it("creates, sets, removes, adds", async () => {
    const { key, update, read } = world();
    await update("a", {
      UpdateExpression: "SET #n = if_not_exists(#n, :zero) + :one, t = :t ADD tally :one",
      ExpressionAttributeNames: { "#n": "n" },
      ExpressionAttributeValues: { ":zero": { N: "0" }, ":one": { N: "1" }, ":t": { S: "text" } },
    });
    assert.deepEqual(await read("a"), {
      ...key("a"),
      n: { N: "1" },
      t: { S: "text" },
      tally: { N: "1" },
    });
    const { Attributes } = await update("a", {
      UpdateExpression: "REMOVE t SET n = n - :two",
      ExpressionAttributeValues: { ":two": { N: "2" } },
      ReturnValues: "UPDATED_NEW",
    });
    assert.deepEqual(Attributes, { n: { N: "-1" } });
    assert.deepEqual(await read("a"), { ...key("a"), n: { N: "-1" }, tally: { N: "1" } });
  });

  it("edits maps and lists", async () => {
    const { update, read } = world();
    await update("a", {
      UpdateExpression: "SET m = :m, l = :l",
      ExpressionAttributeValues: {
        ":m": { M: { nested: { M: {} } } },
        ":l": { L: [{ N: "0" }, { N: "1" }, { N: "2" }] },
      },
    });
    await update("a", {
      UpdateExpression: "SET m.nested.#k = :v, l = list_append(l, :more) REMOVE m.absent",
      ExpressionAttributeNames: { "#k": "i-1" },
      ExpressionAttributeValues: { ":v": { BOOL: true }, ":more": { L: [{ N: "3" }] } },
    });
    await update("a", { UpdateExpression: "REMOVE l[0], l[2]" });
    const item = await read("a");
    assert.deepEqual(item?.["m"], { M: { nested: { M: { "i-1": { BOOL: true } } } } });
    assert.deepEqual(item?.["l"], { L: [{ N: "1" }, { N: "3" }] });
    await assert.rejects(
      update("a", {
        UpdateExpression: "SET absent.nested = :v",
        ExpressionAttributeValues: { ":v": { N: "1" } },
      }),
      /The document path provided in the update expression is invalid for update/,
    );
  });

  it("sees the item as it was on every right side", async () => {
    const { update, read } = world();
    await update("a", {
      UpdateExpression: "SET x = :one, y = :two",
      ExpressionAttributeValues: { ":one": { N: "1" }, ":two": { N: "2" } },
    });
    await update("a", { UpdateExpression: "SET x = y, y = x" });
    const item = await read("a");
    assert.deepEqual([item?.["x"], item?.["y"]], [{ N: "2" }, { N: "1" }]);
  });

  for (const [what, input] of Object.entries({
    "a key attribute": { UpdateExpression: "SET pk = :v" },
    "overlapping paths": { UpdateExpression: "SET m = :v, m.x = :v" },
    "an attribute that is not there": { UpdateExpression: "SET x = absent + :v" },
    "an undefined placeholder": { UpdateExpression: "SET x = :other + :v" },
    "an unused placeholder": { UpdateExpression: "REMOVE x" },
    "a syntax error": { UpdateExpression: "SET x :v" },
    "an unknown function": { UpdateExpression: "SET x = increment(x, :v)" },
    "a reserved word": { UpdateExpression: "SET status = :v" },
  }))
    it(`refuses ${what}`, async () => {
      const { update } = world();
      await assert.rejects(
        update("a", { ...input, ExpressionAttributeValues: { ":v": { N: "1" } } }),
        invalid,
      );
    });
});

describe("conditions", () => {
  const item = {
    n: { N: "5" },
    s: { S: "drover-a" },
    l: { L: [{ S: "x" }] },
    bag: { SS: ["x", "y"] },
    m: { M: { in: { BOOL: true } } },
  };
  const values = {
    ":n4": { N: "4" },
    ":n5": { N: "5.0" },
    ":n6": { N: "6" },
    ":s": { S: "drover-" },
    ":x": { S: "x" },
    ":true": { BOOL: true },
  };
  for (const [condition, expected] of [
    ["n = :n5", true],
    ["n <> :n5", false],
    ["absent <> :n5", true],
    ["absent = :n5", false],
    ["absent < :n5", false],
    ["NOT absent < :n5", true],
    ["n < :n6 AND n > :n4", true],
    ["n < :n4 OR n >= :n5 AND n <= :n5", true],
    ["(n < :n4 OR n >= :n5) AND NOT n <= :n5", false],
    ["n BETWEEN :n4 AND :n6", true],
    ["n BETWEEN :n6 AND :n4", false],
    ["n IN (:n4, :n6)", false],
    ["n IN (:n4, :n5)", true],
    ["n = :s", false],
    ["n < :s", false],
    ["begins_with(s, :s)", true],
    ["begins_with(s, :x)", false],
    ["contains(l, :x) AND contains(bag, :x)", true],
    ["contains(s, :x)", false],
    ["attribute_exists(m.#in) AND attribute_not_exists(m.gone)", true],
    ["m.#in = :true", true],
    ["size(l) = :n5", false],
    ["size(bag) < :n4", true],
    ["size(absent) < :n4", false],
    ["attribute_exists(pk)", true],
  ] as const)
    it(`${condition} is ${expected}`, async () => {
      const { client, key } = world();
      await client.send(new PutItemCommand({ TableName, Item: { ...key("a"), ...item } }));
      const used = Object.entries(values).filter(([name]) =>
        new RegExp(`${name}\\b`).test(condition),
      );
      const write = client.send(
        new DeleteItemCommand({
          TableName,
          Key: key("a"),
          ConditionExpression: condition,
          ...(used.length > 0 ? { ExpressionAttributeValues: Object.fromEntries(used) } : {}),
          ...(condition.includes("#in") ? { ExpressionAttributeNames: { "#in": "in" } } : {}),
        }),
      );
      if (expected) await write;
      else await assert.rejects(write, ConditionalCheckFailedException);
    });
});

describe("queries", () => {
  it("selects a partition in order, forward or backward, page by page", async () => {
    const { client, key } = world();
    for (const sk of ["b", "a", "c", "ab"])
      await client.send(new PutItemCommand({ TableName, Item: key(sk) }));
    await client.send(new PutItemCommand({ TableName, Item: key("a", "other") }));
    const query = {
      TableName,
      KeyConditionExpression: "pk = :p",
      ExpressionAttributeValues: { ":p": { S: "p" } },
    };
    const sorted = await client.send(new QueryCommand(query));
    assert.deepEqual(
      sorted.Items?.map((each) => each["sk"]?.S),
      ["a", "ab", "b", "c"],
    );
    const last = await client.send(
      new QueryCommand({ ...query, ScanIndexForward: false, Limit: 3 }),
    );
    assert.deepEqual(
      last.Items?.map((each) => each["sk"]?.S),
      ["c", "b", "ab"],
    );
    const rest = await client.send(
      new QueryCommand({
        ...query,
        ScanIndexForward: false,
        ExclusiveStartKey: last.LastEvaluatedKey,
      }),
    );
    assert.deepEqual(rest.Items, [key("a")]);
    assert.equal(rest.LastEvaluatedKey, undefined);
    const prefixed = await client.send(
      new QueryCommand({
        ...query,
        KeyConditionExpression: "pk = :p AND begins_with(sk, :a)",
        ExpressionAttributeValues: { ":p": { S: "p" }, ":a": { S: "a" } },
      }),
    );
    assert.equal(prefixed.Count, 2);
  });

  it("filters after the page was taken", async () => {
    const { client, key } = world();
    for (const n of [1, 2, 3])
      await client.send(
        new PutItemCommand({ TableName, Item: { ...key(`${n}`), n: { N: `${n}` } } }),
      );
    const page = await client.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: "pk = :p",
        FilterExpression: "n > :n",
        ExpressionAttributeValues: { ":p": { S: "p" }, ":n": { N: "1" } },
        Limit: 2,
      }),
    );
    assert.deepEqual([page.Count, page.ScannedCount], [1, 2]);
    assert.deepEqual(page.LastEvaluatedKey, key("2"));
  });

  it("finds by an index the items that have its keys", async () => {
    const { client, key } = world();
    await client.send(new PutItemCommand({ TableName, Item: { ...key("a"), owner: { S: "x" } } }));
    await client.send(new PutItemCommand({ TableName, Item: key("b") }));
    const { Items } = await client.send(
      new QueryCommand({
        TableName,
        IndexName: "byOwner",
        KeyConditionExpression: "#o = :o",
        ExpressionAttributeNames: { "#o": "owner" },
        ExpressionAttributeValues: { ":o": { S: "x" } },
      }),
    );
    assert.deepEqual(
      Items?.map((each) => each["sk"]),
      [{ S: "a" }],
    );
  });
});

describe("transactions", () => {
  it("do all or nothing and say for each item why not", async () => {
    const { client, key, read } = world();
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
    const { client, key, read, pass } = world();
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
          const { client, key } = world();
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
