import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";

import { createWorld, TableName } from "./world.ts";

describe("single items", () => {
  it("stores, reads and deletes", async () => {
    const { client, key, read } = createWorld();
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
    const { client, key } = createWorld();
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
    const { client, key } = createWorld();
    await assert.rejects(client.send(new GetItemCommand({ TableName: "other", Key: key("a") })), {
      name: "ResourceNotFoundException",
    });
  });

  it("refuses a key of another shape, and inputs that it does not emulate", async () => {
    const { client, key } = createWorld();
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
    const { client, key } = createWorld();
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
    const { client, key } = createWorld();
    await client.send(new PutItemCommand({ TableName, Item: key("a") }));
    const { Responses } = await client.send(
      new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: [key("a"), key("b")] } } }),
    );
    assert.deepEqual(Responses, { [TableName]: [key("a")] });
  });
});

describe("reads that do not ask for consistency", () => {
  it("see what was a second ago: values, absence, and what has been deleted", async () => {
    const { client, key, pass } = createWorld(1_000);
    const put = (n: string) =>
      client.send(new PutItemCommand({ TableName, Item: { ...key("a"), n: { N: n } } }));
    const read = async (ConsistentRead: boolean) => {
      const one = await client.send(
        new GetItemCommand({ TableName, Key: key("a"), ConsistentRead }),
      );
      const batch = await client.send(
        new BatchGetItemCommand({
          RequestItems: { [TableName]: { Keys: [key("a")], ConsistentRead } },
        }),
      );
      const query = await client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: "pk = :p",
          ExpressionAttributeValues: { ":p": { S: "p" } },
          ConsistentRead,
        }),
      );
      assert.deepEqual(batch.Responses?.[TableName]?.[0], one.Item);
      assert.deepEqual(query.Items?.[0], one.Item);
      return one.Item?.["n"]?.N;
    };
    await put("1");
    assert.deepEqual([await read(true), await read(false)], ["1", undefined]);
    pass(600);
    await put("2");
    assert.deepEqual([await read(true), await read(false)], ["2", undefined]);
    pass(400);
    assert.deepEqual([await read(true), await read(false)], ["2", "1"]);
    await client.send(new DeleteItemCommand({ TableName, Key: key("a") }));
    pass(600);
    assert.deepEqual([await read(true), await read(false)], [undefined, "2"]);
    pass(400);
    assert.deepEqual([await read(true), await read(false)], [undefined, undefined]);
  });
});

describe("queries", () => {
  it("selects a partition in order, forward or backward, page by page", async () => {
    const { client, key } = createWorld();
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
    const { client, key } = createWorld();
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
    const { client, key } = createWorld();
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
