import * as v from "valibot";

import { AwsError, operation, serveAwsJson } from "../aws-json.ts";
import type { Operation } from "../aws-json.ts";
import type { Service } from "../service.ts";
import { holds, project } from "./evaluate.ts";
import { parseCondition, parseProjection } from "./parser.ts";
import { readPlaceholders } from "./placeholders.ts";
import type { Consistency, Table, TableSchema } from "./table.ts";
import { checkKey, find, identityOf, itemsOf, keyOf, select, weightOf, write } from "./table.ts";
import { transactWrite } from "./transactions.ts";
import type { Item } from "./values.ts";
import { invalid, readItem } from "./values.ts";
import type { Prepared } from "./writes.ts";
import { deleteFields, expressionFields, prepare, putFields, updateFields } from "./writes.ts";

export interface DynamoDb {
  readonly service: Service;
  createTable(schema: TableSchema): void;
  /** Every item of a table, for invariants. */
  items(tableName: string): readonly Item[];
  /** Writes an item as it is. */
  put(tableName: string, item: Item): void;
}

export type FindTable = (name: string) => Table;

/** Bytes of items that one page of a query holds (DynamoDB Developer Guide, "Query"). */
const pageBytes = 1_048_576;

/**
 * Emulates what Drover needs of DynamoDB: single items, queries, conditional
 * writes and write transactions. Every call is atomic. A read that does not ask
 * for consistency, and every read of an index, sees what was a second ago
 * ("Read consistency" in the Developer Guide). Items that have passed their time
 * to live stay, as they may on DynamoDB for days.
 *
 * Source: Amazon DynamoDB API Reference, by operation.
 */
export const createDynamoDb = ({
  now,
  lag = 1_000,
}: {
  readonly now: () => number;
  /** How far reads lag behind that do not ask for consistency, in milliseconds. */
  readonly lag?: number;
}): DynamoDb => {
  const tables = new Map<string, Table>();
  const tableOf: FindTable = (name) => {
    // A table may be named by its ARN.
    const table = tables.get(name.slice(name.lastIndexOf("/") + 1));
    if (table === undefined)
      throw new AwsError("ResourceNotFoundException", "Requested resource not found");
    return table;
  };
  return {
    service: serveAwsJson("DynamoDB_20120810", "1.0", {
      ...readOperations(tableOf),
      ...writeOperations(tableOf),
      Scan: scanOperation(tableOf),
      TransactWriteItems: transactWrite(tableOf, now),
    }),
    createTable: (schema) => {
      if (tables.has(schema.name)) throw new Error(`there is a table ${schema.name}`);
      tables.set(schema.name, { schema, partitions: new Map(), now, lag });
    },
    items: (tableName) => itemsOf(tableOf(tableName)),
    put: (tableName, item) => write(tableOf(tableName), item, item),
  };
};

const projectionFields = {
  ProjectionExpression: v.optional(v.string()),
  ExpressionAttributeNames: expressionFields.ExpressionAttributeNames,
};

const attributes = v.record(v.string(), v.unknown());

const show = (
  item: Item,
  {
    ProjectionExpression,
    ExpressionAttributeNames,
  }: {
    ProjectionExpression?: string | undefined;
    ExpressionAttributeNames?: Record<string, string> | undefined;
  },
): Item => {
  const names = readPlaceholders(ExpressionAttributeNames, undefined);
  if (ProjectionExpression === undefined) return item;
  return project(parseProjection(ProjectionExpression), item, names);
};

const consistencyOf = ({ ConsistentRead }: { ConsistentRead?: boolean | undefined }): Consistency =>
  ConsistentRead === true ? "strong" : "eventual";

const readOperations = (tableOf: FindTable): Record<string, Operation> => ({
  GetItem: operation(
    v.strictObject({
      TableName: v.string(),
      Key: attributes,
      ConsistentRead: v.optional(v.boolean()),
      ...projectionFields,
    }),
    (input) => {
      const table = tableOf(input.TableName);
      const key = readItem(input.Key);
      checkKey(table, key);
      const item = find(table, key, consistencyOf(input));
      return item === undefined ? {} : { Item: show(item, input) };
    },
  ),
  BatchGetItem: operation(
    v.strictObject({
      RequestItems: v.record(
        v.string(),
        v.strictObject({
          Keys: v.array(attributes),
          ConsistentRead: v.optional(v.boolean()),
          ...projectionFields,
        }),
      ),
    }),
    ({ RequestItems }) => {
      const asked = Object.entries(RequestItems);
      if (asked.reduce((total, [, { Keys }]) => total + Keys.length, 0) > 100)
        throw invalid("Too many items requested for the BatchGetItem call");
      const responses = asked.map(([name, request]) => {
        const table = tableOf(name);
        const keys = request.Keys.map(readItem);
        for (const key of keys) checkKey(table, key);
        if (new Set(keys.map((key) => identityOf(table, key))).size < keys.length)
          throw invalid("Provided list of item keys contains duplicates");
        const found = keys.flatMap((key) => {
          const item = find(table, key, consistencyOf(request));
          return item === undefined ? [] : [show(item, request)];
        });
        return [name, found] as const;
      });
      return { Responses: Object.fromEntries(responses), UnprocessedKeys: {} };
    },
  ),
  Query: operation(
    v.strictObject({
      TableName: v.string(),
      IndexName: v.optional(v.string()),
      KeyConditionExpression: v.string(),
      FilterExpression: v.optional(v.string()),
      ProjectionExpression: v.optional(v.string()),
      ConsistentRead: v.optional(v.boolean()),
      ScanIndexForward: v.optional(v.boolean(), true),
      Limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
      ExclusiveStartKey: v.optional(attributes),
      Select: v.optional(v.picklist(["ALL_ATTRIBUTES", "COUNT"])),
      ...expressionFields,
    }),
    (input) => {
      const table = tableOf(input.TableName);
      if (input.IndexName !== undefined && input.ConsistentRead === true)
        throw invalid("Consistent reads are not supported on global secondary indexes");
      const names = readPlaceholders(
        input.ExpressionAttributeNames,
        input.ExpressionAttributeValues,
      );
      const selected = select(
        table,
        input.IndexName,
        input.KeyConditionExpression,
        names,
        consistencyOf(input),
      );
      if (!input.ScanIndexForward) selected.reverse();
      const page = takePage(table, input.IndexName, selected, input);
      const filter =
        input.FilterExpression === undefined
          ? undefined
          : parseCondition(input.FilterExpression, "FilterExpression");
      const kept = page.items.filter((item) => filter === undefined || holds(filter, item, names));
      const projection =
        input.ProjectionExpression === undefined
          ? undefined
          : parseProjection(input.ProjectionExpression);
      const shown = projection ? kept.map((item) => project(projection, item, names)) : kept;
      // On an empty page no expression has seen its placeholders.
      if (filter) holds(filter, {}, names);
      if (projection) project(projection, {}, names);
      names.checkUse();
      return {
        Count: kept.length,
        ScannedCount: page.items.length,
        ...(input.Select === "COUNT" ? {} : { Items: shown }),
        ...(page.last === undefined ? {} : { LastEvaluatedKey: page.last }),
      };
    },
  ),
});

/**
 * Reads a whole table, page by page. Source: Amazon DynamoDB API Reference,
 * "Scan"; filters and segments, which Drover does not use, are refused.
 */
const scanOperation = (tableOf: FindTable): Operation =>
  operation(
    v.strictObject({
      TableName: v.string(),
      ConsistentRead: v.optional(v.boolean()),
      Limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
      ExclusiveStartKey: v.optional(attributes),
    }),
    (input) => {
      const table = tableOf(input.TableName);
      const page = takePage(table, undefined, itemsOf(table, consistencyOf(input)), input);
      return {
        Count: page.items.length,
        ScannedCount: page.items.length,
        Items: page.items,
        ...(page.last === undefined ? {} : { LastEvaluatedKey: page.last }),
      };
    },
  );

/** The items after the start key, as far as the limit or a page's bytes reach. */
const takePage = (
  table: Table,
  index: string | undefined,
  selected: readonly Item[],
  {
    ExclusiveStartKey,
    Limit = Infinity,
  }: { ExclusiveStartKey?: Record<string, unknown> | undefined; Limit?: number | undefined },
): { readonly items: readonly Item[]; readonly last: Item | undefined } => {
  const indexKey = index === undefined ? undefined : table.schema.indexes?.[index];
  const keyText = (item: Item): string =>
    JSON.stringify([keyOf(table.schema.key, item), indexKey && keyOf(indexKey, item)]);
  let from = 0;
  if (ExclusiveStartKey !== undefined) {
    const start = keyText(readItem(ExclusiveStartKey));
    from = selected.findIndex((item) => keyText(item) === start) + 1;
    if (from === 0) throw new Error("to start after an item that has gone is not emulated");
  }
  let until = from;
  let bytes = 0;
  while (until < selected.length && until - from < Limit && bytes < pageBytes) {
    bytes += weightOf(selected[until]!);
    until += 1;
  }
  const last = until < selected.length || until - from === Limit ? selected[until - 1] : undefined;
  return {
    items: selected.slice(from, until),
    last: last && { ...keyOf(table.schema.key, last), ...(indexKey && keyOf(indexKey, last)) },
  };
};

type Returned = "NONE" | "ALL_OLD" | "ALL_NEW" | "UPDATED_OLD" | "UPDATED_NEW";

/** Does a write or fails as a single one does. */
const perform = (prepared: Prepared, returned: Returned = "NONE"): { Attributes?: Item } => {
  if ("failed" in prepared)
    throw new AwsError("ConditionalCheckFailedException", "The conditional request failed", {
      fields: prepared.failed === "not asked for" ? {} : { Item: prepared.failed },
    });
  prepared.commit();
  const whole = returned.endsWith("_OLD") ? prepared.old : prepared.new;
  if (returned === "NONE" || whole === undefined) return {};
  if (returned.startsWith("ALL")) return { Attributes: whole };
  const touched = prepared.touched.flatMap((name) =>
    whole[name] === undefined ? [] : [[name, whole[name]] as const],
  );
  return touched.length === 0 ? {} : { Attributes: Object.fromEntries(touched) };
};

const writeOperations = (tableOf: FindTable): Record<string, Operation> => {
  const allOld = v.optional(v.picklist(["NONE", "ALL_OLD"]));
  const any = v.optional(v.picklist(["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"]));
  return {
    PutItem: operation(v.strictObject({ ...putFields, ReturnValues: allOld }), (input) =>
      perform(prepare("put", tableOf(input.TableName), input), input.ReturnValues),
    ),
    DeleteItem: operation(v.strictObject({ ...deleteFields, ReturnValues: allOld }), (input) =>
      perform(prepare("delete", tableOf(input.TableName), input), input.ReturnValues),
    ),
    UpdateItem: operation(v.strictObject({ ...updateFields, ReturnValues: any }), (input) =>
      perform(prepare("update", tableOf(input.TableName), input), input.ReturnValues),
    ),
  };
};
