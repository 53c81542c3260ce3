/** An event pattern, as a rule states it: leaves are arrays of what may match. */
export interface EventPattern {
  readonly [field: string]: EventPattern | readonly unknown[];
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Fields = { readonly [key: string]: Json };

/**
 * Whether a place in the event matches. Inside an array of objects the same
 * place is in several of them: `all` are these.
 */
type Match = (place: Fields, all: readonly Fields[]) => boolean;

/** Whether one of an event's values (undefined: there is none) satisfies a leaf. */
type Test = (value: Json | undefined) => boolean;

/**
 * Compiles an event pattern.
 *
 * Source: Amazon EventBridge User Guide, "Creating Amazon EventBridge event
 * patterns" and "Comparison operators for use in event patterns": all fields
 * must match; of a leaf's array one element; where the event has an array, one
 * of its elements is enough.
 *
 * @throws for what is no pattern and for operators that are not emulated: a rule
 *   that quietly never matched would pass for one that is right
 */
export const compilePattern = (pattern: EventPattern): ((event: unknown) => boolean) => {
  const match = compileFields(pattern, "the event");
  return (event) => {
    const fields = isFields(event) ? event : {};
    return match(fields, [fields]);
  };
};

/** Whether an event matches a pattern. For many events compile the pattern once. */
export const matches = (pattern: EventPattern, event: unknown): boolean =>
  compilePattern(pattern)(event);

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const compileFields = (pattern: unknown, path: string): Match => {
  if (!isFields(pattern)) throw new Error(`${path} must be an object or an array`);
  if (Object.keys(pattern).length === 0) throw new Error(`${path}: an empty object is no pattern`);
  const tests = Object.entries(pattern).map(([name, inner]) => {
    const here = `${path}.${name}`;
    if (name === "$or") return compileOr(inner, path);
    if (Array.isArray(inner)) return compileLeaf(name, inner, here);
    return descend(name, compileFields(inner, here));
  });
  return (place, all) => tests.every((test) => test(place, all));
};

const compileOr = (alternatives: unknown, path: string): Match => {
  if (!Array.isArray(alternatives) || alternatives.length < 2)
    throw new Error(`${path}.$or needs at least two patterns`);
  const tests = alternatives.map((each) => compileFields(each, path));
  return (place, all) => tests.some((test) => test(place, all));
};

/** What an event has in a field: nested arrays count as one, as if their elements stood side by side. */
const spread = (value: Json | undefined): readonly Json[] => {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.flatMap(spread) : [value];
};

const descend = (name: string, inner: Match): Match => {
  const objectsIn = (place: Fields) => spread(place[name]).filter(isFields);
  return (place, all) => {
    const objects = objectsIn(place);
    const allBelow = all.flatMap(objectsIn);
    // What is absent may still satisfy {"exists": false} further down.
    return objects.length === 0
      ? inner({}, allBelow)
      : objects.some((each) => inner(each, allBelow));
  };
};

const compileLeaf = (name: string, leaf: readonly unknown[], path: string): Match => {
  if (leaf.length === 0) throw new Error(`${path}: an empty array matches nothing`);
  const tests = leaf.map((each) => compileTest(each, path));
  // Objects are no values: where there is nothing else, the field is absent.
  const valuesIn = (place: Fields) => spread(place[name]).filter((value) => !isFields(value));
  return (place, all) => {
    const values = valuesIn(place);
    if (values.length > 0) return values.some((value) => tests.some((test) => test(value)));
    const isAbsent = all.every((each) => valuesIn(each).length === 0);
    return isAbsent && tests.some((test) => test(undefined));
  };
};

const compileTest = (wanted: unknown, path: string): Test => {
  if (wanted === null || ["string", "boolean", "number"].includes(typeof wanted))
    return (value) => value === wanted;
  const entries = isFields(wanted) ? Object.entries(wanted) : [];
  const [operator, operand] = entries[0] ?? [];
  if (operator === undefined || entries.length !== 1)
    throw new Error(`${path}: ${JSON.stringify(wanted)} is no value and no operator`);
  return compileOperator(operator, operand, path);
};

const compileOperator = (operator: string, operand: unknown, path: string): Test => {
  const refuse = (): never => {
    throw new Error(`${path}: ${JSON.stringify({ [operator]: operand })} is not emulated`);
  };
  const text = (): string => (typeof operand === "string" ? operand : refuse());
  switch (operator) {
    case "exists": {
      if (typeof operand !== "boolean") return refuse();
      return (value) => (value !== undefined) === operand;
    }
    case "prefix": {
      const prefix = text();
      return (value) => typeof value === "string" && value.startsWith(prefix);
    }
    case "suffix": {
      const suffix = text();
      return (value) => typeof value === "string" && value.endsWith(suffix);
    }
    case "equals-ignore-case": {
      const wanted = text().toLowerCase();
      return (value) => typeof value === "string" && value.toLowerCase() === wanted;
    }
    case "anything-but":
      return compileAnythingBut(operand, path);
    case "numeric":
      return compileNumeric(operand, refuse);
    default:
      return refuse();
  }
};

/** A list of texts or of numbers, or one of them. */
const toList = (operand: unknown, path: string): readonly unknown[] => {
  const list: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
  const types = new Set(list.map((each) => typeof each));
  if (types.size !== 1 || !(types.has("string") || types.has("number")))
    throw new Error(`${path}: anything-but ${JSON.stringify(operand)} is not emulated`);
  return list;
};

/** Everything that is present and is none of a list, or has not the prefix or suffix. */
const compileAnythingBut = (operand: unknown, path: string): Test => {
  const unwanted = isFields(operand)
    ? Object.entries(operand).flatMap(([operator, inner]) => {
        if (operator !== "prefix" && operator !== "suffix")
          throw new Error(`${path}: anything-but ${operator} is not emulated`);
        return toList(inner, path).map((affix) => compileOperator(operator, affix, path));
      })
    : toList(operand, path).map(
        (each): Test =>
          (value) =>
            value === each,
      );
  return (value) => value !== undefined && !unwanted.some((test) => test(value));
};

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

/** `["=", 5]`, `["<", 5]`, `[">=", 0]`, or a range that is not empty: `[">", 0, "<=", 5]`. */
const compileNumeric = (operand: unknown, refuse: () => never): Test => {
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) return refuse();
  const tests: ((value: number) => boolean)[] = [];
  for (let index = 0; index < operand.length; index += 2) {
    const compare = comparisons[String(operand[index])];
    const bound: unknown = operand[index + 1];
    if (compare === undefined || typeof bound !== "number") return refuse();
    tests.push((value) => compare(value, bound));
  }
  if (operand.length === 4) {
    const [lower, least, upper, most] = operand.map(String);
    const isRange =
      lower?.startsWith(">") && upper?.startsWith("<") && Number(least) < Number(most);
    if (!isRange) return refuse();
  }
  return (value) => typeof value === "number" && tests.every((test) => test(value));
};
