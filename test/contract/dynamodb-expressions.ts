import assert from "node:assert/strict";

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type ReturnValue,
} from "@aws-sdk/client-dynamodb";

import { type DynamoDbCase, invalid, type Item } from "./dynamodb-target.ts";

const guide = "Amazon DynamoDB Developer Guide";
const conditionGuide = `${guide}, "Condition and filter expressions, operators, and functions"`;

const item: Item = {
  n: { N: "5" },
  s: { S: "drover-a" },
  l: { L: [{ S: "x" }] },
  bag: { SS: ["x", "y"] },
  m: { M: { in: { BOOL: true }, deep: { M: { n: { N: "1" } } } } },
  nil: { NULL: true },
};

const values: Readonly<Record<string, AttributeValue>> = {
  ":n4": { N: "4" },
  ":n5": { N: "5.0" },
  ":n6": { N: "6" },
  ":s": { S: "drover-" },
  ":x": { S: "x" },
  ":true": { BOOL: true },
  ":null": { NULL: true },
  ":type": { S: "SS" },
};

const names: Readonly<Record<string, string>> = { "#in": "in", "#s": "s" };

/** The placeholders that an expression uses, and no others. */
const used = <Value>(
  expression: string,
  all: Readonly<Record<string, Value>>,
): Record<string, Value> | undefined => {
  const found = Object.entries(all).filter(([name]) => new RegExp(`${name}\\b`).test(expression));
  return found.length === 0 ? undefined : Object.fromEntries(found);
};

/** Whether an item (by default that above) satisfies a condition. */
const judged: readonly (readonly [condition: string, expected: boolean])[] = [
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
  ["m.deep.n < n", true],
  ["n = m.deep.n", false],
  ["n = :s", false],
  ["n <> :s", true],
  ["n < :s", false],
  ["begins_with(s, :s)", true],
  ["begins_with(#s, :x)", false],
  ["begins_with(absent, :x)", false],
  ["contains(l, :x) AND contains(bag, :x)", true],
  ["contains(s, :x)", false],
  ["attribute_type(bag, :type)", true],
  ["attribute_exists(m.#in) AND attribute_not_exists(m.gone)", true],
  ["attribute_not_exists(gone.deeper)", true],
  ["m.#in = :true", true],
  ["m.deep.n < :n4", true],
  ["l[0] = :x AND attribute_not_exists(l[1])", true],
  ["nil = :null", true],
  ["size(l) = :n5", false],
  ["size(bag) < :n4", true],
  ["size(m) < :n4", true],
  ["attribute_exists(pk)", true],
];

const conditionCases: readonly DynamoDbCase[] = [
  ...judged,
  // An attribute that is missing has no size: neither smaller nor larger than anything.
  ["size(absent) < :n4", false] as const,
].map(([condition, expected]) => ({
  title: `${condition} is ${expected}`,
  source: conditionGuide,
  async run({ client, table, key, put, read }) {
    await put(item);
    const write = client.send(
      new DeleteItemCommand({
        TableName: table,
        Key: key(),
        ConditionExpression: condition,
        ExpressionAttributeValues: used(condition, values),
        ExpressionAttributeNames: used(condition, names),
      }),
    );
    if (expected) await write;
    else await assert.rejects(write, ConditionalCheckFailedException);
    assert.equal((await read()) === undefined, expected);
  },
}));

const refusedConditions: readonly (readonly [
  why: string,
  condition: string,
  value: AttributeValue,
  ministack?: string,
])[] = [
  [
    "an order of what has none",
    "n < :v",
    { BOOL: true },
    "takes it for a condition that fails, not for an incorrect operand type",
  ],
  [
    "the beginning of what is no text",
    "begins_with(n, :v)",
    { N: "1" },
    "takes it for a condition that fails, not for an incorrect operand type",
  ],
  ["two pairs of parentheses", "((n = :v))", { N: "1" }],
  ["bounds the wrong way round", "n BETWEEN :v AND :zero", { N: "1" }],
  ["a syntax error", "n = = :v", { N: "1" }],
  ["an unknown function", "exists(n) AND n = :v", { N: "1" }],
  ["a reserved word", "state = :v", { N: "1" }],
  ["nothing", "", { N: "1" }],
  ["a placeholder that is not used", "attribute_exists(n)", { N: "1" }],
  ["a placeholder that is not given", "n = :v OR n = :other", { N: "1" }],
];

const refusedCases: readonly DynamoDbCase[] = refusedConditions.map(
  ([why, condition, value, ministack]) => ({
    title: `a condition with ${why} is refused: ${condition}`,
    source: conditionGuide,
    ...(ministack !== undefined && { ministack }),
    async run({ client, table, key }) {
      await assert.rejects(
        client.send(
          new DeleteItemCommand({
            TableName: table,
            Key: key(),
            ConditionExpression: condition,
            ExpressionAttributeValues: {
              ":v": value,
              ...(condition.includes(":zero") && { ":zero": { N: "0" } }),
            },
          }),
        ),
        invalid,
      );
    },
  }),
);

/** What becomes of an item by an update; `undefined`: it is refused. */
const updated: readonly (readonly [
  title: string,
  before: Item | undefined,
  expression: string,
  values: Record<string, AttributeValue> | undefined,
  after: Item | undefined,
  ministack?: string,
])[] = [
  [
    "creates what is not there",
    undefined,
    "SET t = :t ADD tally :one",
    { ":t": { S: "text" }, ":one": { N: "1" } },
    { t: { S: "text" }, tally: { N: "1" } },
  ],
  [
    "counts from what is there or from a default",
    { n: { N: "3" } },
    "SET n = if_not_exists(n, :zero) + :one, fresh = if_not_exists(fresh, :zero) + :one",
    { ":zero": { N: "0" }, ":one": { N: "1" } },
    { n: { N: "4" }, fresh: { N: "1" } },
  ],
  [
    "subtracts below zero and removes",
    { n: { N: "1" }, t: { S: "x" } },
    "REMOVE t SET n = n - :two",
    { ":two": { N: "2" } },
    { n: { N: "-1" } },
  ],
  [
    "sees everywhere on the right the item as it was",
    { x: { N: "1" }, y: { N: "2" } },
    "SET x = y, y = x",
    undefined,
    { x: { N: "2" }, y: { N: "1" } },
  ],
  [
    "reaches into maps and lists",
    { m: { M: { in: { M: {} } } }, l: { L: [{ N: "0" }] } },
    "SET m.in.k = :v, l = list_append(l, :more) REMOVE m.absent",
    { ":v": { BOOL: true }, ":more": { L: [{ N: "1" }] } },
    { m: { M: { in: { M: { k: { BOOL: true } } } } }, l: { L: [{ N: "0" }, { N: "1" }] } },
  ],
  [
    "removes elements by the indexes that they had",
    { l: { L: [{ N: "0" }, { N: "1" }, { N: "2" }] } },
    "REMOVE l[0], l[2]",
    undefined,
    { l: { L: [{ N: "1" }] } },
    "removes one after the other, so that the second index means another element",
  ],
  [
    "appends where an index is past the end",
    { l: { L: [{ N: "0" }] } },
    "SET l[7] = :v",
    { ":v": { N: "1" } },
    { l: { L: [{ N: "0" }, { N: "1" }] } },
  ],
  [
    "adds to sets and takes from them",
    { bag: { SS: ["x"] } },
    "ADD bag :y",
    { ":y": { SS: ["y"] } },
    { bag: { SS: ["x", "y"] } },
  ],
  [
    "cannot write into a map that is not there",
    {},
    "SET absent.x = :v",
    { ":v": { N: "1" } },
    undefined,
  ],
  [
    "cannot remove from a map that is not there",
    {},
    "REMOVE absent.x",
    undefined,
    undefined,
    "does nothing",
  ],
  [
    "removes what is not there from a map that is",
    { m: { M: { x: { N: "1" } } } },
    "REMOVE m.absent, gone",
    undefined,
    { m: { M: { x: { N: "1" } } } },
  ],
  ["cannot read what is not there", {}, "SET x = absent", undefined, undefined],
  [
    "cannot add to what is no number",
    { t: { S: "x" } },
    "SET t = t + :v",
    { ":v": { N: "1" } },
    undefined,
    "counts from zero",
  ],
  ["cannot change a key", {}, "SET pk = :v", { ":v": { S: "x" } }, undefined],
  [
    "cannot take two overlapping paths",
    { m: { M: {} } },
    "SET m = :v, m.x = :v",
    { ":v": { N: "1" } },
    undefined,
  ],
  [
    "cannot take a path twice in two of its parts",
    { n: { N: "1" } },
    "SET n = :v REMOVE n",
    { ":v": { N: "1" } },
    undefined,
    "does both",
  ],
  ["knows no other functions", {}, "SET x = increment(x, :v)", { ":v": { N: "1" } }, undefined],
  ["takes no reserved word for a name", {}, "SET status = :v", { ":v": { N: "1" } }, undefined],
  ["uses every value", {}, "REMOVE x", { ":v": { N: "1" } }, undefined],
  ["is given every value", {}, "SET x = :v + :other", { ":v": { N: "1" } }, undefined],
  [
    "knows each word once",
    {},
    "SET x = :v SET y = :v",
    { ":v": { N: "1" } },
    undefined,
    "takes both",
  ],
];

const inReserved: Readonly<Record<string, string>> = { "#in": "in" };

const updateCases: readonly DynamoDbCase[] = updated.map(
  ([title, before, expression, ExpressionAttributeValues, after, ministack]) => ({
    title: `an update ${title}: ${expression}`,
    ...(ministack !== undefined && { ministack }),
    source: `${guide}, "Using update expressions in DynamoDB"`,
    async run({ put, update, readRest }) {
      if (before !== undefined) await put(before);
      const UpdateExpression = expression.replaceAll("m.in", "m.#in");
      const write = update({
        UpdateExpression,
        ExpressionAttributeValues,
        ExpressionAttributeNames: used(UpdateExpression, inReserved),
      });
      if (after === undefined) {
        await assert.rejects(write, invalid);
        assert.deepEqual(await readRest(), before);
      } else {
        await write;
        assert.deepEqual(await readRest(), after);
      }
    },
  }),
);

const returned: readonly (readonly [what: ReturnValue, expected: Item | undefined])[] = [
  ["NONE", undefined],
  ["ALL_OLD", { n: { N: "1" }, t: { S: "x" } }],
  ["ALL_NEW", { n: { N: "2" }, t: { S: "x" }, fresh: { N: "1" } }],
  ["UPDATED_OLD", { n: { N: "1" } }],
  ["UPDATED_NEW", { n: { N: "2" }, fresh: { N: "1" } }],
];

const returnCases: readonly DynamoDbCase[] = returned.map(([ReturnValues, expected]) => ({
  title: `an update answers with ${ReturnValues}`,
  source: "Amazon DynamoDB API Reference, UpdateItem, ReturnValues",
  async run({ key, put, update }) {
    await put({ n: { N: "1" }, t: { S: "x" } });
    const answer = await update({
      UpdateExpression: "SET n = n + :one, fresh = :one",
      ExpressionAttributeValues: { ":one": { N: "1" } },
      ReturnValues,
    });
    const whole = ReturnValues.startsWith("ALL") ? { ...key(), ...expected } : expected;
    assert.deepEqual(answer, whole);
  },
}));

export const expressionCases: readonly DynamoDbCase[] = [
  ...conditionCases,
  ...refusedCases,
  ...updateCases,
  ...returnCases,
];
