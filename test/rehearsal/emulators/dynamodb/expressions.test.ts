import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";

import { createWorld, invalid, TableName } from "./world.ts";

describe("updates", () => {
  it("creates, sets, removes, adds", async () => {
    const { key, update, read } = createWorld();
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
    const { update, read } = createWorld();
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
    const { update, read } = createWorld();
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
      const { update } = createWorld();
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
    ["n BETWEEN :n6 AND :n6", false],
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
      const { client, key } = createWorld();
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

describe("a condition is refused", () => {
  for (const [what, condition, value] of [
    ["for an order of what has none", "n < :v", { BOOL: true }],
    ["for the beginning of what is no text", "begins_with(n, :v)", { N: "1" }],
    ["for two pairs of parentheses", "((n = :v))", { N: "1" }],
    ["for bounds the wrong way round", "n BETWEEN :v AND :zero", { N: "1" }],
    ["for a syntax error", "n = = :v", { N: "1" }],
    ["for an unknown function", "exists(n) AND n = :v", { N: "1" }],
    ["for a reserved word", "state = :v", { N: "1" }],
    ["for nothing", "", { N: "1" }],
  ] as const)
    it(what, async () => {
      const { client, key } = createWorld();
      const values = { ":v": value, ...(condition.includes(":zero") && { ":zero": { N: "0" } }) };
      await assert.rejects(
        client.send(
          new DeleteItemCommand({
            TableName,
            Key: key("a"),
            ConditionExpression: condition,
            ExpressionAttributeValues: values,
          }),
        ),
        invalid,
      );
    });
});
