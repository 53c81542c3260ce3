import {
  type AttributeValue,
  ConditionalCheckFailedException,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import * as fc from "fast-check";

import { createTrial, type DynamoDbTarget, type Item } from "./dynamodb-target.ts";

/** An update under a condition, of an item as it was; values stand for themselves until they are written. */
export interface Request {
  readonly before: Item | undefined;
  readonly condition: Expression | undefined;
  readonly update: Expression;
}

/** Text, and values of which each becomes a placeholder. */
type Expression = readonly (string | AttributeValue)[];

const number: fc.Arbitrary<AttributeValue> = fc
  .integer({ min: -2, max: 3 })
  .map((n) => ({ N: String(n) }));
const text: fc.Arbitrary<AttributeValue> = fc.constantFrom("", "a", "ab", "b").map((S) => ({ S }));
const set: fc.Arbitrary<AttributeValue> = fc
  .subarray(["a", "b", "c"], { minLength: 1 })
  .map((SS) => ({ SS }));
const scalar = fc.oneof(
  number,
  text,
  fc.constantFrom<AttributeValue>({ BOOL: true }, { BOOL: false }, { NULL: true }),
);
const list: fc.Arbitrary<AttributeValue> = fc.array(scalar, { maxLength: 3 }).map((L) => ({ L }));

/** What each attribute holds when it is there; `deep` is a map in a map. */
const attributes = {
  n: number,
  t: text,
  any: fc.oneof(scalar, list, set),
  bag: set,
  l: list,
  m: fc
    .record(
      { x: scalar, deep: fc.record({ y: scalar }, { requiredKeys: [] }).map((M) => ({ M })) },
      {
        requiredKeys: [],
      },
    )
    .map((M): AttributeValue => ({ M })),
} satisfies Record<string, fc.Arbitrary<AttributeValue>>;

const item: fc.Arbitrary<Item> = fc
  .record(attributes, { requiredKeys: [] })
  .map((found) => ({ ...found }));

const path = fc.constantFrom(
  "n",
  "t",
  "#any",
  "bag",
  "l",
  "m",
  "m.x",
  "m.deep.y",
  "l[0]",
  "l[1]",
  "gone",
);
/** What has a size, when it is there. */
const sized = fc.constantFrom("t", "bag", "l", "m", "gone");
const comparator = fc.constantFrom("=", "<>", "<", "<=", ">", ">=");
const ordered = fc.oneof(number, text);

const join = (...parts: readonly (Expression | string)[]): Expression =>
  parts.flatMap((part) => (typeof part === "string" ? [part] : part));

/**
 * Conditions. Left out is what ministack is known to take wrongly: operands of
 * types that a function or an order does not have, `size` of such a value, and
 * that two missing attributes are not equal.
 */
const { condition } = fc.letrec<{ condition: Expression }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc
      .tuple(path, comparator, ordered)
      .map(([left, sign, right]) => join(left, ` ${sign} `, [right])),
    fc
      .tuple(path, fc.constantFrom("=", "<>"), fc.oneof(scalar, list, set))
      .map(([left, sign, right]) => join(left, ` ${sign} `, [right])),
    fc
      .tuple(sized, comparator, number)
      .map(([of, sign, right]) => join(`size(${of}) ${sign} `, [right])),
    fc
      .tuple(fc.constantFrom("attribute_exists", "attribute_not_exists"), path)
      .map(([name, of]) => [`${name}(${of})`]),
    fc
      .tuple(fc.constantFrom("t", "gone"), text)
      .map(([of, prefix]) => join(`begins_with(${of}, `, [prefix], ")")),
    fc
      .tuple(fc.constantFrom("t", "bag", "l", "gone"), fc.oneof(number, text))
      .map(([of, part]) => join(`contains(${of}, `, [part], ")")),
    fc
      .tuple(path, fc.constantFrom("S", "N", "SS", "L", "M", "BOOL", "NULL"))
      .map(([of, S]) => join(`attribute_type(${of}, `, [{ S }], ")")),
    fc
      .tuple(path, fc.array(scalar, { minLength: 1, maxLength: 3 }))
      .map(([of, among]) =>
        join(`${of} IN (`, ...among.flatMap((each, index) => [index > 0 ? ", " : "", [each]]), ")"),
      ),
    fc
      .tuple(path, fc.integer({ min: -2, max: 1 }), fc.nat({ max: 2 }))
      .map(([of, least, more]) =>
        join(`${of} BETWEEN `, [{ N: String(least) }], " AND ", [{ N: String(least + more) }]),
      ),
    fc
      .tuple(tie("condition"), fc.constantFrom(" AND ", " OR "), tie("condition"))
      .map(([left, word, right]) => join(left, word, right)),
    tie("condition").map((inner) => join("NOT ", inner)),
  ),
}));

const target = fc.constantFrom(
  "n",
  "t",
  "#any",
  "l",
  "m.x",
  "m.fresh",
  "m.deep.y",
  "l[0]",
  "fresh",
);
const assigned = fc.oneof(
  scalar.map((value): Expression => [value]),
  fc.constantFrom("n", "t", "m.x").map((from): Expression => [from]),
  fc.tuple(path, scalar).map(([from, value]) => join(`if_not_exists(${from}, `, [value], ")")),
  fc.tuple(fc.constantFrom("+", "-"), number).map(([sign, by]) => join(`n ${sign} `, [by])),
  fc
    .tuple(fc.constantFrom("+", "-"), number, number)
    .map(([sign, from, by]) => join("if_not_exists(n, ", [from], `) ${sign} `, [by])),
  fc
    .tuple(fc.boolean(), list)
    .map(([first, more]) =>
      first ? join("list_append(", [more], ", l)") : join("list_append(l, ", [more], ")"),
    ),
);

/** The attribute that a part of an update is about. */
const rootOf = (part: string | Expression): string => {
  const beginning = typeof part === "string" ? part : part[0];
  return typeof beginning === "string" ? (/^[#\w]+/.exec(beginning)?.[0] ?? "") : "";
};

/**
 * Updates. Left out is what ministack takes wrongly: the removal of two elements
 * of one list, one path in two parts, and the removal from a map that is not there.
 */
const update: fc.Arbitrary<Expression> = fc
  .record({
    set: fc.uniqueArray(fc.tuple(target, assigned), {
      maxLength: 2,
      selector: ([to]) => rootOf(to),
    }),
    remove: fc.uniqueArray(fc.constantFrom("n", "t", "gone", "bag", "#any"), {
      maxLength: 2,
    }),
    add: fc.option(
      fc.oneof(
        number.map((by) => join("n ", [by])),
        number.map((by) => join("fresh ", [by])),
        set.map((more) => join("bag ", [more])),
      ),
      { nil: undefined },
    ),
  })
  .filter(({ set: sets, remove, add }) => {
    const roots = [sets.map(([to]) => to), remove, add === undefined ? [] : [add]].map(
      (parts) => new Set(parts.map(rootOf)),
    );
    const all = roots.flatMap((each) => [...each]);
    return all.length > 0 && new Set(all).size === all.length;
  })
  .map(({ set: sets, remove, add }) =>
    join(
      ...(sets.length > 0 ? ["SET "] : []),
      ...sets.flatMap(([to, value], index) => [`${index > 0 ? ", " : ""}${to} = `, value]),
      ...(remove.length > 0 ? [` REMOVE ${remove.join(", ")}`] : []),
      ...(add === undefined ? [] : [" ADD ", add]),
    ),
  );

export const request: fc.Arbitrary<Request> = fc.record({
  before: fc.option(item, { nil: undefined, freq: 8 }),
  condition: fc.option(condition, { nil: undefined }),
  update,
});

/** What becomes of a request: the item after it, and how it was answered. */
export const perform = async (
  to: DynamoDbTarget,
  { before, condition: given, update: change }: Request,
): Promise<{ readonly answer: string; readonly after: Item | undefined }> => {
  const trial = createTrial(to);
  if (before !== undefined) await trial.put(before);
  const values: Record<string, AttributeValue> = {};
  const write = (expression: Expression): string =>
    expression
      .map((part) => {
        if (typeof part === "string") return part;
        const name = `:v${Object.keys(values).length}`;
        values[name] = part;
        return name;
      })
      .join("");
  const UpdateExpression = write(change);
  const ConditionExpression = given && write(given);
  const names = `${UpdateExpression} ${ConditionExpression}`.includes("#any");
  const answer = await to.client
    .send(
      new UpdateItemCommand({
        TableName: to.table,
        Key: trial.key(),
        UpdateExpression,
        ConditionExpression,
        ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
        ...(names && { ExpressionAttributeNames: { "#any": "any" } }),
      }),
    )
    .then(
      () => "done",
      (error: Error) =>
        error instanceof ConditionalCheckFailedException ? "condition failed" : error.name,
    );
  const after = await trial.readRest();
  // A set has no order.
  const bag = after?.["bag"]?.SS?.toSorted((a, b) => (a < b ? -1 : 1));
  return { answer, after: bag ? { ...after, bag: { SS: bag } } : after };
};
