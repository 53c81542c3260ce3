import assert from "node:assert/strict";

import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  paginateQuery,
  paginateScan,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";

import { systemClock } from "../../lambdas/runtime/clock.ts";
import { type DynamoDbCase, invalid, type Item, type Trial } from "./dynamodb-target.ts";

const guide = "Amazon DynamoDB Developer Guide";
const reference = "Amazon DynamoDB API Reference";

const itemCases: readonly DynamoDbCase[] = [
  {
    title: "an item is put, read, replaced as a whole, and deleted once",
    async run({ client, table: TableName, key, put, read }) {
      const rest: Item = { n: { N: "1" }, m: { M: { deep: { L: [{ BOOL: true }, { S: "" }] } } } };
      await put(rest);
      assert.deepEqual(await read(), { ...key(), ...rest });
      await put({ other: { S: "x" } });
      assert.deepEqual(await read(), { ...key(), other: { S: "x" } });
      const remove = () =>
        client.send(new DeleteItemCommand({ TableName, Key: key(), ReturnValues: "ALL_OLD" }));
      assert.deepEqual((await remove()).Attributes, { ...key(), other: { S: "x" } });
      assert.equal((await remove()).Attributes, undefined);
      assert.equal(await read(), undefined);
    },
  },
  {
    title: "a failed condition shows the item only to who asks for it",
    source: `${reference}, PutItem, ReturnValuesOnConditionCheckFailure`,
    async run({ client, table: TableName, key, put }) {
      await put({ owner: { S: "first" } });
      const attempt = (more: { ReturnValuesOnConditionCheckFailure?: "ALL_OLD" }) =>
        client.send(
          new PutItemCommand({
            TableName,
            Item: { ...key(), owner: { S: "second" } },
            ConditionExpression: "attribute_not_exists(pk)",
            ...more,
          }),
        );
      for (const [more, expected] of [
        [{}, undefined],
        [{ ReturnValuesOnConditionCheckFailure: "ALL_OLD" }, { ...key(), owner: { S: "first" } }],
      ] as const)
        await assert.rejects(attempt(more), (error) => {
          assert.ok(error instanceof ConditionalCheckFailedException);
          assert.equal(error.message, "The conditional request failed");
          assert.deepEqual(error.Item, expected);
          return true;
        });
    },
  },
  {
    title: "a table and a key that do not fit are refused",
    source: `${reference}, GetItem`,
    async run({ client, table: TableName, key, partition }) {
      const get = (table: string, Key: Item) =>
        client.send(new GetItemCommand({ TableName: table, Key }));
      await assert.rejects(get("absent", key()), { name: "ResourceNotFoundException" });
      await assert.rejects(get(TableName, { pk: { S: partition } }), invalid);
      await assert.rejects(get(TableName, { ...key(), more: { S: "x" } }), invalid);
      await assert.rejects(get(TableName, { pk: { S: partition }, sk: { N: "1" } }), invalid);
      const put = (Item: Item) => client.send(new PutItemCommand({ TableName, Item }));
      await assert.rejects(put({ pk: { S: partition } }), invalid);
      await assert.rejects(put({ pk: { S: partition }, sk: { S: "" } }), invalid);
      await assert.rejects(put({ ...key(), bag: { SS: [] } }), invalid);
      await assert.rejects(put({ ...key(), bag: { SS: ["x", "x"] } }), invalid);
    },
  },
  {
    title: "an item has at most 400 KB",
    source: `${guide}, "Quotas in Amazon DynamoDB", item size`,
    async run({ client, table: TableName, key, put, update, readRest }) {
      const big = { S: "x".repeat(300 * 1024) };
      await put({ big });
      await assert.rejects(
        client.send(new PutItemCommand({ TableName, Item: { ...key(), big, more: big } })),
        invalid,
      );
      await assert.rejects(
        update({ UpdateExpression: "SET more = :v", ExpressionAttributeValues: { ":v": big } }),
        invalid,
      );
      assert.deepEqual(Object.keys((await readRest()) ?? {}), ["big"]);
    },
  },
  {
    title: "attributes are projected",
    async run({ client, table: TableName, key, put }) {
      await put({ x: { N: "1" }, y: { N: "2" } });
      const { Item } = await client.send(
        new GetItemCommand({
          TableName,
          Key: key(),
          ConsistentRead: true,
          ProjectionExpression: "#x, absent",
          ExpressionAttributeNames: { "#x": "x" },
        }),
      );
      assert.deepEqual(Item, { x: { N: "1" } });
    },
  },
  {
    title: "a batch leaves out what is missing, and takes each key once and a hundred at most",
    source: `${reference}, BatchGetItem`,
    async run({ client, table, key, put }) {
      await put({}, "a");
      const get = (Keys: Item[]) =>
        client.send(
          new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } }),
        );
      const { Responses, UnprocessedKeys } = await get([key("a"), key("b")]);
      assert.deepEqual(Responses, { [table]: [key("a")] });
      assert.deepEqual(UnprocessedKeys, {});
      await assert.rejects(get([key("a"), key("a")]), invalid);
      await assert.rejects(get(Array.from({ length: 101 }, (_, n) => key(`k${n}`))), invalid);
    },
  },
  {
    title: "of many who take at once as many win as there is room",
    source: `${guide}, "Working with items and attributes", conditional writes (one after the other)`,
    async run({ put, update, readRest }) {
      await put({ taken: { M: {} } });
      const take = async (n: number): Promise<boolean> => {
        try {
          await update({
            UpdateExpression: "SET taken.#me = :until",
            ConditionExpression: "size(taken) < :limit",
            ExpressionAttributeNames: { "#me": `i-${n}` },
            ExpressionAttributeValues: { ":until": { N: "1" }, ":limit": { N: "7" } },
          });
          return true;
        } catch (error) {
          if (error instanceof ConditionalCheckFailedException) return false;
          throw error;
        }
      };
      const won = await Promise.all(Array.from({ length: 60 }, (_, n) => take(n)));
      assert.equal(won.filter(Boolean).length, 7);
      assert.equal(Object.keys((await readRest())?.["taken"]?.M ?? {}).length, 7);
    },
  },
];

const sorted = async (
  { client, table: TableName, partition }: Trial,
  more: Partial<QueryCommand["input"]> = {},
): Promise<readonly (string | undefined)[]> => {
  const found: (string | undefined)[] = [];
  const query = {
    TableName,
    KeyConditionExpression: "pk = :p",
    // An index cannot be read that way.
    ConsistentRead: more.IndexName === undefined,
    ...more,
    ExpressionAttributeValues: { ":p": { S: partition }, ...more.ExpressionAttributeValues },
  };
  for await (const { Items = [] } of paginateQuery({ client }, query))
    found.push(...Items.map((item) => item["sk"]?.S));
  return found;
};

const queryCases: readonly DynamoDbCase[] = [
  {
    title: "a query gives a partition in order, forward or backward, page by page",
    source: `${reference}, Query`,
    async run(trial) {
      for (const sk of ["b", "a", "c", "ab", "B"]) await trial.put({}, sk);
      assert.deepEqual(await sorted(trial), ["B", "a", "ab", "b", "c"]);
      assert.deepEqual(await sorted(trial, { ScanIndexForward: false, Limit: 2 }), [
        "c",
        "b",
        "ab",
        "a",
        "B",
      ]);
      assert.deepEqual(
        await sorted(trial, {
          KeyConditionExpression: "pk = :p AND begins_with(sk, :a)",
          ExpressionAttributeValues: { ":a": { S: "a" } },
        }),
        ["a", "ab"],
      );
      assert.deepEqual(
        await sorted(trial, {
          KeyConditionExpression: "pk = :p AND sk BETWEEN :a AND :b",
          ExpressionAttributeValues: { ":a": { S: "ab" }, ":b": { S: "b" } },
        }),
        ["ab", "b"],
      );
    },
  },
  {
    title: "a query filters after its page was taken",
    source: `${guide}, "Query operations in DynamoDB", filter expressions (Count, ScannedCount, Limit)`,
    async run({ client, table: TableName, partition, key, put }) {
      for (const n of ["1", "2", "3"]) await put({ n: { N: n } }, n);
      const page = await client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: "pk = :p",
          ConsistentRead: true,
          FilterExpression: "n > :n",
          ExpressionAttributeValues: { ":p": { S: partition }, ":n": { N: "1" } },
          Limit: 2,
        }),
      );
      assert.deepEqual([page.Count, page.ScannedCount], [1, 2]);
      assert.deepEqual(page.LastEvaluatedKey, key("2"));
    },
  },
  {
    title: "an index has the items that have its keys",
    source: `${guide}, "Using global secondary indexes in DynamoDB" (sparse indexes)`,
    async run(trial) {
      const owner = { S: trial.partition };
      await trial.put({ owner }, "a");
      await trial.put({}, "b");
      const query = {
        IndexName: "byOwner",
        KeyConditionExpression: "#o = :p",
        ExpressionAttributeNames: { "#o": "owner" },
      };
      // An index comes after its table.
      const end = systemClock.now() + 30_000;
      while ((await sorted(trial, query)).length === 0 && systemClock.now() < end)
        await systemClock.sleep(100);
      assert.deepEqual(await sorted(trial, query), ["a"]);
      await assert.rejects(sorted(trial, { ...query, ConsistentRead: true }), invalid);
    },
  },
  {
    title: "a query names the whole partition key and orders by nothing else",
    source: `${reference}, Query, KeyConditionExpression`,
    async run(trial) {
      const value = { ExpressionAttributeValues: { ":v": { S: "x" } } };
      for (const KeyConditionExpression of ["pk < :p", "pk = :p AND other = :v", "sk = :p"])
        await assert.rejects(
          sorted(trial, {
            KeyConditionExpression,
            ...(KeyConditionExpression.includes(":v") && value),
          }),
          invalid,
          KeyConditionExpression,
        );
    },
  },
];

const scanCases: readonly DynamoDbCase[] = [
  {
    title: "a scan gives everything once, page by page, whatever its order",
    source: `${reference}, Scan`,
    async run({ client, table: TableName, partition, put }) {
      const keys = ["a", "b", "c", "d", "e"];
      for (const sk of keys) await put({ n: { N: "1" } }, sk);
      const found: (string | undefined)[] = [];
      const pages = paginateScan({ client }, { TableName, ConsistentRead: true, Limit: 3 });
      for await (const { Items = [], Count, ScannedCount } of pages) {
        assert.ok(Items.length <= 3);
        assert.deepEqual([Count, ScannedCount], [Items.length, Items.length]);
        const ours = Items.filter((item) => item["pk"]?.S === partition);
        found.push(...ours.map((item) => item["sk"]?.S));
      }
      assert.deepEqual(
        found.toSorted((a = "", b = "") => a.localeCompare(b)),
        keys,
      );
    },
  },
];

export const itemsCases: readonly DynamoDbCase[] = [...itemCases, ...queryCases, ...scanCases];
