import * as v from "valibot";

import { AwsError } from "../aws-json.ts";
import { applyUpdate, holds } from "./evaluate.ts";
import { parseCondition, parseUpdate } from "./parser.ts";
import { readPlaceholders } from "./placeholders.ts";
import type { Table } from "./table.ts";
import { checkKey, find, identityOf, isKeyOf, weightOf, write } from "./table.ts";
import type { Item } from "./values.ts";
import { invalid, readItem } from "./values.ts";

const attributes = v.record(v.string(), v.unknown());

export const expressionFields = {
  ExpressionAttributeNames: v.optional(v.record(v.string(), v.string())),
  ExpressionAttributeValues: v.optional(attributes),
};

const conditionFields = {
  TableName: v.string(),
  ConditionExpression: v.optional(v.string()),
  ReturnValuesOnConditionCheckFailure: v.optional(v.picklist(["NONE", "ALL_OLD"])),
  ...expressionFields,
};

/** The fields of one write; in a transaction without what it should return. */
export const putFields = { ...conditionFields, Item: attributes };
export const deleteFields = { ...conditionFields, Key: attributes };
export const updateFields = { ...deleteFields, UpdateExpression: v.optional(v.string()) };
export const checkFields = { ...deleteFields, ConditionExpression: v.string() };

type Given =
  | v.InferOutput<v.ObjectSchema<typeof putFields, undefined>>
  | v.InferOutput<v.ObjectSchema<typeof updateFields, undefined>>;

/** A write that was checked and can be done, or why it cannot. */
export type Prepared =
  | {
      readonly identity: string;
      readonly old: Item | undefined;
      readonly new: Item | undefined;
      /** The attributes that an update names. */
      readonly touched: readonly string[];
      readonly commit: () => void;
    }
  | {
      readonly identity: string;
      /** The item that failed the condition, if it was asked for. */
      readonly failed: Item | "not asked for";
    };

/** Bytes (Amazon DynamoDB Developer Guide, "Quotas in Amazon DynamoDB"). */
const largestItem = 400 * 1024;

const conditions = new Map<string, ReturnType<typeof parseCondition>>();
const updates = new Map<string, ReturnType<typeof parseUpdate>>();

const remembered = <T>(memory: Map<string, T>, text: string, parse: (text: string) => T): T => {
  const known = memory.get(text);
  if (known !== undefined) return known;
  const parsed = parse(text);
  memory.set(text, parsed);
  return parsed;
};

/**
 * Checks a write against the table as it is.
 *
 * @throws AwsError when the request itself is invalid
 */
export const prepare = (
  kind: "put" | "update" | "delete" | "check",
  table: Table,
  given: Given,
): Prepared => {
  const names = readPlaceholders(given.ExpressionAttributeNames, given.ExpressionAttributeValues);
  const key = readItem("Item" in given ? given.Item : given.Key);
  if (!("Item" in given)) checkKey(table, key);
  const old = find(table, key);
  const identity = identityOf(table, key);

  const holdsTrue =
    given.ConditionExpression === undefined ||
    holds(remembered(conditions, given.ConditionExpression, parseCondition), old ?? {}, names);

  let fresh: { readonly item: Item | undefined; readonly touched: readonly string[] };
  if (kind === "put") fresh = { item: key, touched: [] };
  else if (kind === "delete") fresh = { item: undefined, touched: [] };
  else if (kind === "update" && "UpdateExpression" in given && given.UpdateExpression) {
    const update = remembered(updates, given.UpdateExpression, parseUpdate);
    try {
      fresh = applyUpdate(update, old ?? key, names, isKeyOf(table));
    } catch (error) {
      // The condition comes first: it may be what keeps the update from being impossible.
      if (holdsTrue || !(error instanceof AwsError)) throw error;
      fresh = { item: old, touched: [] };
    }
  } else fresh = { item: kind === "update" ? (old ?? key) : old, touched: [] };

  if (holdsTrue || kind !== "update") names.checkUse();
  if (!holdsTrue) {
    const asked = given.ReturnValuesOnConditionCheckFailure === "ALL_OLD" && old !== undefined;
    return { identity, failed: asked ? old : "not asked for" };
  }
  if (fresh.item !== undefined && fresh.item !== old && weightOf(fresh.item) > largestItem)
    throw invalid(
      kind === "update"
        ? "Item size to update has exceeded the maximum allowed size"
        : "Item size has exceeded the maximum allowed size",
    );
  const commit = () => {
    if (kind === "check") return;
    write(table, key, fresh.item);
  };
  return { identity, old, new: fresh.item, touched: fresh.touched, commit };
};
