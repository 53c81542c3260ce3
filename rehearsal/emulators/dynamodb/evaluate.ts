import type { Assigned, Condition, Operand, Path, Update } from "./parser.ts";
import type { Item, Type, Value } from "./values.ts";
import { compare, equal, invalid, sizeOf, sum, typeOf } from "./values.ts";

/** What stands for the placeholders of a request, and which of them were used. */
export interface Placeholders {
  readonly name: (name: string) => string;
  readonly value: (placeholder: string) => Value;
}

type Key = string | number;

const toKeys = (path: Path, names: Placeholders): readonly Key[] =>
  path.map((step) => ("index" in step ? step.index : names.name(step.name)));

const stepInto = (value: Value, key: Key): Value | undefined => {
  if (typeof key === "number") return "L" in value ? value.L[key] : undefined;
  return "M" in value ? value.M[key] : undefined;
};

const lookUp = (item: Item, keys: readonly Key[]): Value | undefined => {
  let value: Value = { M: item };
  for (const key of keys) {
    const inner = stepInto(value, key);
    if (inner === undefined) return undefined;
    value = inner;
  }
  return value;
};

const get = (operand: Operand, item: Item, names: Placeholders): Value | undefined => {
  if (operand.kind === "value") return names.value(operand.placeholder);
  const value = lookUp(item, toKeys(operand.path, names));
  if (operand.kind === "path" || value === undefined) return value;
  const size = sizeOf(value);
  return size === undefined ? undefined : { N: String(size) };
};

/**
 * Whether an item (an empty one if there is none) satisfies a condition. An
 * attribute that is missing makes a comparison false, `<>` alone true.
 */
export const holds = (condition: Condition, item: Item, names: Placeholders): boolean => {
  switch (condition.kind) {
    case "and": {
      // Both sides are evaluated, so that every placeholder is looked at.
      const left = holds(condition.left, item, names);
      return holds(condition.right, item, names) && left;
    }
    case "or": {
      const left = holds(condition.left, item, names);
      return holds(condition.right, item, names) || left;
    }
    case "not":
      return !holds(condition.inner, item, names);
    case "exists":
      return (lookUp(item, toKeys(condition.path, names)) !== undefined) === condition.wanted;
    case "compare": {
      const left = get(condition.left, item, names);
      const right = get(condition.right, item, names);
      if (condition.comparator !== "=" && condition.comparator !== "<>")
        checkOrdered(condition.comparator, [condition.left, condition.right], names);
      return compares(condition.comparator, left, right);
    }
    case "between": {
      const value = get(condition.operand, item, names);
      const least = get(condition.least, item, names);
      const most = get(condition.most, item, names);
      checkOrdered("BETWEEN", [condition.operand, condition.least, condition.most], names);
      checkBounds(condition, names);
      return compares(">=", value, least) && compares("<=", value, most);
    }
    case "in": {
      const value = get(condition.operand, item, names);
      const list = condition.list.map((each) => get(each, item, names));
      return list.some((each) => compares("=", value, each));
    }
    case "begins_with":
    case "contains":
    case "attribute_type":
      break;
  }
  const value = lookUp(item, toKeys(condition.path, names));
  const operand = get(condition.operand, item, names);
  if (condition.kind !== "contains" && condition.operand.kind === "value" && operand)
    checkType(condition.kind, operand, ["S"]);
  if (value === undefined || operand === undefined) return false;
  return appliesTo(condition.kind, value, operand);
};

/** A value of the request with the wrong type is an error; an attribute with one merely fails. */
const checkType = (operator: string, value: Value, allowed: readonly Type[]): void => {
  if (!allowed.includes(typeOf(value)))
    throw invalid(
      `Invalid ConditionExpression: Incorrect operand type for operator or function; operator or function: ${operator}, operand type: ${typeOf(value)}`,
    );
};

const checkOrdered = (
  operator: string,
  operands: readonly Operand[],
  names: Placeholders,
): void => {
  for (const operand of operands)
    if (operand.kind === "value") checkType(operator, names.value(operand.placeholder), ["S", "N"]);
};

const checkBounds = (
  { least, most }: Extract<Condition, { kind: "between" }>,
  names: Placeholders,
): void => {
  if (least.kind !== "value" || most.kind !== "value") return;
  const [lower, upper] = [names.value(least.placeholder), names.value(most.placeholder)];
  const order = compare(lower, upper);
  if (order === undefined || order > 0)
    throw invalid(
      `Invalid ConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: ${JSON.stringify(lower)}, upper bound operand: AttributeValue: ${JSON.stringify(upper)}`,
    );
};

const compares = (
  comparator: Extract<Condition, { kind: "compare" }>["comparator"],
  left: Value | undefined,
  right: Value | undefined,
): boolean => {
  const same = left !== undefined && right !== undefined && equal(left, right);
  if (comparator === "=") return same;
  if (comparator === "<>") return !same;
  const order = left !== undefined && right !== undefined ? compare(left, right) : undefined;
  if (order === undefined) return false;
  if (comparator === "<") return order < 0;
  if (comparator === "<=") return order <= 0;
  if (comparator === ">") return order > 0;
  return order >= 0;
};

const appliesTo = (
  kind: "begins_with" | "contains" | "attribute_type",
  value: Value,
  operand: Value,
): boolean => {
  if (kind === "attribute_type") return "S" in operand && typeOf(value) === operand.S;
  if (kind === "begins_with")
    return "S" in value && "S" in operand && value.S.startsWith(operand.S);
  if ("L" in value) return value.L.some((each) => equal(each, operand));
  if (!("S" in operand)) return false;
  return "SS" in value ? value.SS.includes(operand.S) : "S" in value && value.S.includes(operand.S);
};

const assigned = (value: Assigned, item: Item, names: Placeholders): Value => {
  switch (value.kind) {
    case "if_not_exists": {
      const otherwise = assigned(value.otherwise, item, names);
      return lookUp(item, toKeys(value.path, names)) ?? otherwise;
    }
    case "list_append": {
      const left = assigned(value.left, item, names);
      const right = assigned(value.right, item, names);
      if (!("L" in left) || !("L" in right))
        throw invalid("An operand in the update expression has an incorrect data type");
      return { L: [...left.L, ...right.L] };
    }
    case "sum":
      return sum(assigned(value.left, item, names), assigned(value.right, item, names), value.sign);
    case "path":
    case "value":
    case "size":
      break;
  }
  const found = get(value, item, names);
  if (found === undefined)
    throw invalid("The provided expression refers to an attribute that does not exist in the item");
  return found;
};

/** A copy of a value with something else (undefined: nothing) at a path. */
const replaceAt = (
  value: Value | undefined,
  keys: readonly Key[],
  content: Value | undefined,
): Value | undefined => {
  const [key, ...rest] = keys;
  if (key === undefined) return content;
  if (typeof key === "number" && value && "L" in value) {
    const inner = replaceAt(value.L[key], rest, content);
    const without = value.L.filter((_, index) => index !== key);
    // An index past the end appends.
    return { L: inner === undefined ? without : without.toSpliced(key, 0, inner) };
  }
  if (typeof key === "string" && value && "M" in value) {
    const { [key]: old, ...others } = value.M;
    const inner = replaceAt(old, rest, content);
    return { M: inner === undefined ? others : { ...others, [key]: inner } };
  }
  throw invalid("The document path provided in the update expression is invalid for update");
};

const edit = (item: Item, keys: readonly Key[], content: Value | undefined): Item => {
  const edited = replaceAt({ M: item }, keys, content);
  return edited && "M" in edited ? edited.M : {};
};

const plus = (old: Value | undefined, added: Value): Value => {
  if ("N" in added) return sum(old ?? { N: "0" }, added);
  if ("SS" in added && (old === undefined || "SS" in old))
    return { SS: [...new Set([...(old?.SS ?? []), ...added.SS])] };
  throw invalid("An operand in the update expression has an incorrect data type");
};

const overlaps = (a: readonly Key[], b: readonly Key[]): boolean =>
  a.slice(0, b.length).every((key, index) => key === b[index]);

const lastIndex = (keys: readonly Key[]): number => {
  const last = keys.at(-1);
  return typeof last === "number" ? last : -1;
};

/**
 * Applies an update. Every right side sees the item as it was before.
 *
 * @param isKey - tells key attributes, which cannot be updated
 * @returns the new item and the names of the attributes that the update touches
 */
export const applyUpdate = (
  update: Update,
  item: Item,
  names: Placeholders,
  isKey: (name: string) => boolean,
): { readonly item: Item; readonly touched: readonly string[] } => {
  const edits: { keys: readonly Key[]; content: Value | undefined }[] = [];
  for (const { path, value } of update.set)
    edits.push({ keys: toKeys(path, names), content: assigned(value, item, names) });
  for (const { path, placeholder } of update.add) {
    const keys = toKeys(path, names);
    edits.push({ keys, content: plus(lookUp(item, keys), names.value(placeholder)) });
  }
  // The highest indexes go first, so that a removal moves nothing that is still to be removed.
  const removed = update.remove.map((path) => toKeys(path, names));
  for (const keys of removed.toSorted((a, b) => lastIndex(b) - lastIndex(a)))
    edits.push({ keys, content: undefined });

  for (const [index, { keys }] of edits.entries()) {
    if (isKey(String(keys[0])))
      throw invalid(
        `One or more parameter values were invalid: Cannot update attribute ${keys[0]}. This attribute is part of the key`,
      );
    for (const other of edits.slice(index + 1))
      if (overlaps(keys, other.keys) || overlaps(other.keys, keys))
        throw invalid(
          `Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [${keys.join(", ")}], path two: [${other.keys.join(", ")}]`,
        );
  }
  let edited = item;
  for (const { keys, content } of edits) edited = edit(edited, keys, content);
  return { item: edited, touched: [...new Set(edits.map(({ keys }) => String(keys[0])))] };
};

/** The parts of an item that a projection names. */
export const project = (paths: readonly Path[], item: Item, names: Placeholders): Item => {
  let projected: Item = {};
  for (const path of paths) {
    const keys = toKeys(path, names);
    if (keys.length > 1) throw new Error("projections of nested attributes are not emulated");
    const value = lookUp(item, keys);
    if (value !== undefined) projected = { ...projected, [String(keys[0])]: value };
  }
  return projected;
};
