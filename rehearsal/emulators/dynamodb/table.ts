import { holds } from "./evaluate.ts";
import type { Placeholders } from "./evaluate.ts";
import { parseCondition } from "./parser.ts";
import type { Condition } from "./parser.ts";
import type { Item, Value } from "./values.ts";
import { compare, invalid, typeOf } from "./values.ts";

/** Key attributes of a table or an index. */
export interface KeySchema {
  readonly partition: string;
  readonly sort?: string;
}

export interface TableSchema {
  readonly name: string;
  readonly key: KeySchema;
  /** Key attributes that are numbers; all others are strings. */
  readonly numbers?: readonly string[];
  /** Global secondary indexes, with all attributes projected. */
  readonly indexes?: Readonly<Record<string, KeySchema>>;
}

/** What is at a key, and what was there until when (milliseconds since the epoch). */
interface Cell {
  item: Item | undefined;
  past: { readonly item: Item | undefined; readonly until: number }[];
}

/** Cells by the text of their partition key and then by that of their sort key. */
export interface Table {
  readonly schema: TableSchema;
  readonly partitions: Map<string, Map<string, Cell>>;
  readonly now: () => number;
  /** How far an eventually consistent read lags behind, in milliseconds. */
  readonly lag: number;
}

export type Consistency = "strong" | "eventual";

/** What a read of that consistency sees at a key. */
const seen = (table: Table, cell: Cell, consistency: Consistency): Item | undefined => {
  if (consistency === "strong" || cell.past.length === 0) return cell.item;
  const at = table.now() - table.lag;
  const then = cell.past.find(({ until }) => until > at);
  return then ? then.item : cell.item;
};

const keyNames = ({ partition, sort }: KeySchema): readonly string[] =>
  sort === undefined ? [partition] : [partition, sort];

const keyText = ({ schema }: Table, value: Value | undefined, name: string): string => {
  if (value === undefined)
    throw invalid(`One or more parameter values were invalid: Missing the key ${name} in the item`);
  const isNumber = schema.numbers?.includes(name) === true;
  if ("S" in value && !isNumber) {
    if (value.S === "")
      throw invalid(
        `One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: ${name}`,
      );
    return `S${value.S}`;
  }
  if ("N" in value && isNumber) return `N${value.N}`;
  throw invalid(`One or more parameter values were invalid: Type mismatch for key ${name}`);
};

const textsOf = (table: Table, item: Item): readonly [string, string] => {
  const { partition, sort } = table.schema.key;
  return [
    keyText(table, item[partition], partition),
    sort === undefined ? "" : keyText(table, item[sort], sort),
  ];
};

/** The key of an item, as a single text. */
export const identityOf = (table: Table, item: Item): string =>
  [table.schema.name, ...textsOf(table, item)].join("\u0000");

export const keyOf = (schema: KeySchema, item: Item): Item =>
  Object.fromEntries(
    keyNames(schema).flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])),
  );

/** Checks that a key has the table's key attributes and no others. */
export const checkKey = (table: Table, key: Item): void => {
  const names = keyNames(table.schema.key);
  if (Object.keys(key).length !== names.length || !names.every((name) => name in key))
    throw invalid("The provided key element does not match the schema");
  textsOf(table, key);
};

export const isKeyOf =
  (table: Table) =>
  (name: string): boolean =>
    keyNames(table.schema.key).includes(name);

export const find = (
  table: Table,
  key: Item,
  consistency: Consistency = "strong",
): Item | undefined => {
  const [partition, sort] = textsOf(table, key);
  const cell = table.partitions.get(partition)?.get(sort);
  return cell && seen(table, cell, consistency);
};

/** Writes an item, or with undefined removes what is at the key. */
export const write = (table: Table, key: Item, item: Item | undefined): void => {
  const [partition, sort] = textsOf(table, key);
  const cells = table.partitions.get(partition) ?? new Map<string, Cell>();
  table.partitions.set(partition, cells);
  const cell = cells.get(sort) ?? { item: undefined, past: [] };
  cells.set(sort, cell);
  const now = table.now();
  cell.past = cell.past.filter(({ until }) => until > now - table.lag);
  if (table.lag > 0) cell.past.push({ item: cell.item, until: now });
  cell.item = item;
  if (item === undefined && cell.past.length === 0) cells.delete(sort);
};

/** Every item, in no order that means anything. */
export const itemsOf = (table: Table, consistency: Consistency = "strong"): Item[] =>
  [...table.partitions.values()].flatMap((cells) => seenIn(table, cells, consistency));

const seenIn = (
  table: Table,
  cells: ReadonlyMap<string, Cell> | undefined,
  consistency: Consistency,
): Item[] =>
  [...(cells?.values() ?? [])]
    .map((cell) => seen(table, cell, consistency))
    .filter((item) => item !== undefined);

/**
 * The items that a key condition selects, in the order of the sort key.
 *
 * @throws AwsError unless the condition is an equality of the partition key and
 *   at most one further condition, of the sort key
 */
export const select = (
  table: Table,
  index: string | undefined,
  expression: string,
  names: Placeholders,
  consistency: Consistency,
): Item[] => {
  const schema = index === undefined ? table.schema.key : table.schema.indexes?.[index];
  if (schema === undefined)
    throw invalid(`The table does not have the specified index: ${index ?? ""}`);
  const condition = parseCondition(expression, "KeyConditionExpression");
  const parts = condition.kind === "and" ? [condition.left, condition.right] : [condition];
  const equality = parts.map((part) => partitionValue(part, schema, names)).find(Boolean);
  if (equality === undefined)
    throw invalid(`Query condition missed key schema element: ${schema.partition}`);
  const others = parts.filter((part) => partitionValue(part, schema, names) === undefined);
  for (const other of others) checkSortCondition(other, schema, names);

  const candidates =
    index === undefined
      ? seenIn(table, table.partitions.get(keyText(table, equality, schema.partition)), consistency)
      : itemsOf(table, consistency).filter((item) =>
          keyNames(schema).every((name) => name in item),
        );
  const selected = candidates.filter((item) => holds(condition, item, names));
  const { sort } = schema;
  if (sort === undefined) return selected;
  return selected.sort((a, b) => compare(a[sort]!, b[sort]!) ?? 0);
};

const nameOf = (condition: Condition, names: Placeholders): string | undefined => {
  const operand =
    condition.kind === "compare"
      ? condition.left
      : condition.kind === "between"
        ? condition.operand
        : undefined;
  const path =
    condition.kind === "begins_with"
      ? condition.path
      : operand?.kind === "path"
        ? operand.path
        : undefined;
  const [step, ...more] = path ?? [];
  return step && "name" in step && more.length === 0 ? names.name(step.name) : undefined;
};

const partitionValue = (
  condition: Condition,
  schema: KeySchema,
  names: Placeholders,
): Value | undefined =>
  condition.kind === "compare" &&
  condition.comparator === "=" &&
  condition.right.kind === "value" &&
  nameOf(condition, names) === schema.partition
    ? names.value(condition.right.placeholder)
    : undefined;

const checkSortCondition = (condition: Condition, schema: KeySchema, names: Placeholders): void => {
  const name = nameOf(condition, names);
  if (name === undefined || (condition.kind === "compare" && condition.comparator === "<>"))
    throw invalid("Invalid operator used in KeyConditionExpression");
  if (name !== schema.sort)
    throw invalid(`Query condition missed key schema element: ${schema.sort ?? schema.partition}`);
};

/** Roughly what an item weighs in bytes, for the limits of an item and of a page. */
export const weightOf = (item: Item): number =>
  Object.entries(item).reduce((total, [name, value]) => total + name.length + weigh(value), 0);

const weigh = (value: Value): number => {
  if ("S" in value) return Buffer.byteLength(value.S);
  if ("M" in value) return 3 + weightOf(value.M);
  if ("L" in value) return value.L.reduce((total, each) => total + 1 + weigh(each), 3);
  if ("SS" in value) return value.SS.reduce((total, each) => total + each.length, 0);
  return typeOf(value) === "N" ? 8 : 1;
};
