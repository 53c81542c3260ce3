import { AwsError } from "../aws-json.ts";

/** An attribute value as it travels. The types that Drover does not use are refused. */
export type Value =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly BOOL: boolean }
  | { readonly NULL: true }
  | { readonly M: Item }
  | { readonly L: readonly Value[] }
  | { readonly SS: readonly string[] };

export interface Item {
  readonly [name: string]: Value;
}

export type Type = "S" | "N" | "BOOL" | "NULL" | "M" | "L" | "SS";

export const invalid = (message: string): AwsError => new AwsError("ValidationException", message);

const types: readonly string[] = ["S", "N", "BOOL", "NULL", "M", "L", "SS"] satisfies Type[];
const isType = (name: string | undefined): name is Type =>
  name !== undefined && types.includes(name);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The type of a value, which is the name of its only field. */
export const typeOf = (value: Value): Type => {
  const [type] = Object.keys(value);
  if (!isType(type)) throw new Error(`no attribute value: ${JSON.stringify(value)}`);
  return type;
};

/**
 * Reads an attribute value off the wire.
 *
 * @throws AwsError for what DynamoDB refuses; Error for types that are not emulated
 */
export const readValue = (given: unknown): Value => {
  const [[type, inner] = [undefined, undefined], ...more] = isObject(given)
    ? Object.entries(given)
    : [];
  if (type === undefined || more.length > 0)
    throw invalid(
      "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
    );
  if (type === "S" && typeof inner === "string") return { S: inner };
  if (type === "N" && typeof inner === "string") return { N: formatNumber(parseNumber(inner)) };
  if (type === "BOOL" && typeof inner === "boolean") return { BOOL: inner };
  if (type === "NULL" && inner === true) return { NULL: true };
  if (type === "M") return { M: readItem(inner) };
  if (type === "L" && Array.isArray(inner)) return { L: inner.map(readValue) };
  if (type === "SS" && Array.isArray(inner)) return { SS: readStrings(inner) };
  throw new Error(`the attribute value ${JSON.stringify(given)} is not emulated`);
};

const readStrings = (given: readonly unknown[]): readonly string[] => {
  const texts = given.filter((each) => typeof each === "string");
  if (texts.length !== given.length) throw new Error("a string set holds strings alone");
  if (texts.length === 0)
    throw invalid("One or more parameter values were invalid: An string set  may not be empty");
  if (new Set(texts).size !== texts.length)
    throw invalid(
      `One or more parameter values were invalid: Input collection [${texts.join(", ")}] contains duplicates.`,
    );
  return texts;
};

export const readItem = (given: unknown): Item => {
  if (!isObject(given)) throw new Error(`no item: ${JSON.stringify(given)}`);
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, readValue(value)]));
};

/**
 * Numbers are JavaScript's here, not DynamoDB's of 38 digits: one that would
 * lose digits is refused.
 */
const parseNumber = (text: string): number => {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value))
    throw invalid("The parameter cannot be converted to a numeric value: " + text);
  if (Number.isInteger(value) ? !Number.isSafeInteger(value) : text.length > 16)
    throw new Error(`the number ${text} is not emulated: too many digits`);
  return value;
};

const formatNumber = (value: number): string => {
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new Error(`the number ${value} is not emulated: too many digits`);
  return String(value);
};

/** Adds (or with -1 subtracts) numbers. */
export const sum = (left: Value, right: Value, sign: 1 | -1 = 1): Value => {
  if (!("N" in left) || !("N" in right))
    throw invalid("An operand in the update expression has an incorrect data type");
  return { N: formatNumber(Number(left.N) + sign * Number(right.N)) };
};

/** Whether two values are equal: same type, same content; sets without regard to order. */
export const equal = (left: Value, right: Value): boolean => {
  if ("S" in left) return "S" in right && left.S === right.S;
  if ("N" in left) return "N" in right && Number(left.N) === Number(right.N);
  if ("BOOL" in left) return "BOOL" in right && left.BOOL === right.BOOL;
  if ("NULL" in left) return "NULL" in right;
  if ("L" in left)
    return (
      "L" in right &&
      left.L.length === right.L.length &&
      left.L.every((each, index) => equal(each, right.L[index]!))
    );
  if ("SS" in left)
    return (
      "SS" in right &&
      left.SS.length === right.SS.length &&
      left.SS.every((each) => right.SS.includes(each))
    );
  if (!("M" in right)) return false;
  const names = Object.keys(left.M);
  return (
    names.length === Object.keys(right.M).length &&
    names.every((name) => right.M[name] !== undefined && equal(left.M[name]!, right.M[name]))
  );
};

/**
 * Order of two values of one type that has an order.
 *
 * @returns negative, 0 or positive; undefined when they cannot be compared.
 *   Strings compare by their UTF-8 bytes.
 */
export const compare = (left: Value, right: Value): number | undefined => {
  if ("N" in left && "N" in right) return Number(left.N) - Number(right.N);
  if ("S" in left && "S" in right)
    return left.S === right.S ? 0 : Buffer.compare(Buffer.from(left.S), Buffer.from(right.S));
  return undefined;
};

/** Size as the `size` function gives it; undefined for types that have none. */
export const sizeOf = (value: Value): number | undefined => {
  if ("S" in value) return Buffer.byteLength(value.S);
  if ("L" in value) return value.L.length;
  if ("M" in value) return Object.keys(value.M).length;
  if ("SS" in value) return value.SS.length;
  return undefined;
};
