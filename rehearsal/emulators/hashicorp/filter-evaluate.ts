import type { Expression, Match } from "./filter.ts";

/** A filter could not be evaluated on a row. */
export class FilterEvaluationError extends Error {
  override name = "FilterEvaluationError";
}

/** What a filter may look at. */
export interface FilterSubject {
  /** Fields that are maps: a key that is missing there is no error. */
  readonly maps: ReadonlySet<string>;
  /** Fields whose own fields a filter cannot reach (embedded structs). */
  readonly opaque?: ReadonlySet<string>;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const MISSING = Symbol("missing");

const lookUp = (subject: FilterSubject, row: object, path: readonly string[]): unknown => {
  let value: unknown = row;
  let parentIsMap = false;
  for (const [depth, part] of path.entries()) {
    if (value === null || subject.opaque?.has(path[depth - 1] ?? "")) {
      throw new FilterEvaluationError(
        `error finding value in datum: /${path.join("/")}: at part ${depth}, invalid value kind: invalid`,
      );
    }
    if (!isObject(value) || !Object.hasOwn(value, part)) {
      // Only the last step may be missing, and only from a map.
      if (parentIsMap && depth === path.length - 1 && isObject(value)) return MISSING;
      throw new FilterEvaluationError(
        `error finding value in datum: /${path.join("/")} at part ${depth}: couldn't find struct field with name "${part}"`,
      );
    }
    value = value[part];
    parentIsMap = depth === 0 && subject.maps.has(part);
  }
  return value;
};

const equals = (actual: unknown, expected: string): boolean => {
  if (typeof actual === "string") return actual === expected;
  if (typeof actual === "number") return actual === Number(expected);
  if (typeof actual === "boolean") {
    if (!/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(expected)) {
      throw new FilterEvaluationError(`error getting match value in expression: "${expected}"`);
    }
    return actual === /^(1|t|T|TRUE|true|True)$/.test(expected);
  }
  throw new FilterEvaluationError(
    "unable to find suitable primitive comparison function for matching",
  );
};

const isIn = (actual: unknown, expected: string): boolean => {
  if (typeof actual === "string") return actual.includes(expected);
  if (Array.isArray(actual)) return actual.some((item) => equals(item, expected));
  if (isObject(actual)) return Object.hasOwn(actual, expected);
  if (actual === null) return false;
  throw new FilterEvaluationError("Cannot perform in/contains operations");
};

const isEmpty = (actual: unknown): boolean => {
  if (actual === null) return true;
  if (typeof actual === "string" || Array.isArray(actual)) return actual.length === 0;
  if (isObject(actual)) return Object.keys(actual).length === 0;
  throw new FilterEvaluationError("Cannot perform is empty operations");
};

const testMatch = (subject: FilterSubject, match: Match, row: object): boolean => {
  const actual = lookUp(subject, row, match.path);
  if (actual === MISSING) {
    // A missing key is empty, and unequal to everything.
    return match.operator === "empty" ? !match.negated : match.negated;
  }
  const tests = {
    equal: () => equals(actual, match.value),
    in: () => isIn(actual, match.value),
    matches: () => new RegExp(match.value).test(String(actual)),
    empty: () => isEmpty(actual),
  };
  return tests[match.operator]() !== match.negated;
};

/**
 * Whether a row satisfies a filter.
 *
 * @throws FilterEvaluationError where the row has no such field
 */
export const matchesFilter = (
  subject: FilterSubject,
  expression: Expression,
  row: object,
): boolean => {
  const test = (part: Expression) => matchesFilter(subject, part, row);
  if (expression.kind === "match") return testMatch(subject, expression, row);
  if (expression.kind === "not") return !test(expression.operand);
  return expression.kind === "and"
    ? test(expression.left) && test(expression.right)
    : test(expression.left) || test(expression.right);
};
