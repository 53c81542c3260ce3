import { isReserved } from "./reserved-words.ts";
import { invalid } from "./values.ts";

/** One step of a document path: an attribute's name, a placeholder for it, or an index. */
export type Step = { readonly name: string } | { readonly index: number };
export type Path = readonly Step[];

export type Operand =
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "value"; readonly placeholder: string }
  | { readonly kind: "size"; readonly path: Path };

export type Comparator = "=" | "<>" | "<" | "<=" | ">" | ">=";

export type Condition =
  | {
      readonly kind: "compare";
      readonly comparator: Comparator;
      readonly left: Operand;
      readonly right: Operand;
    }
  | {
      readonly kind: "between";
      readonly operand: Operand;
      readonly least: Operand;
      readonly most: Operand;
    }
  | { readonly kind: "in"; readonly operand: Operand; readonly list: readonly Operand[] }
  | { readonly kind: "and" | "or"; readonly left: Condition; readonly right: Condition }
  | { readonly kind: "not"; readonly inner: Condition }
  | { readonly kind: "exists"; readonly path: Path; readonly wanted: boolean }
  | {
      readonly kind: "begins_with" | "contains" | "attribute_type";
      readonly path: Path;
      readonly operand: Operand;
    };

/** The right side of SET. */
export type Assigned =
  | Operand
  | { readonly kind: "if_not_exists"; readonly path: Path; readonly otherwise: Assigned }
  | { readonly kind: "list_append"; readonly left: Assigned; readonly right: Assigned }
  | {
      readonly kind: "sum";
      readonly sign: 1 | -1;
      readonly left: Assigned;
      readonly right: Assigned;
    };

export interface Update {
  readonly set: readonly { readonly path: Path; readonly value: Assigned }[];
  readonly remove: readonly Path[];
  readonly add: readonly { readonly path: Path; readonly placeholder: string }[];
}

const tokenPattern = /\s*(?:([A-Za-z_][\w-]*)|([#:]\w+)|(\d+)|(<>|<=|>=|[=<>().,[\]+-]))/y;

/** Reads an expression token by token. Keywords are told from names by where they stand. */
class Reader {
  readonly #expression: string;
  readonly #kind: string;
  readonly #tokens: string[] = [];
  #next = 0;

  constructor(kind: string, expression: string) {
    this.#kind = kind;
    this.#expression = expression;
    let end = 0;
    while (end < expression.trimEnd().length) {
      tokenPattern.lastIndex = end;
      const token = tokenPattern.exec(expression);
      if (token === null) throw this.error(expression.slice(end).trim());
      this.#tokens.push(token[0].trim());
      end = tokenPattern.lastIndex;
    }
  }

  error(token = this.peek() ?? "<EOF>"): Error {
    return invalid(
      `Invalid ${this.#kind}: Syntax error; token: "${token}", near: "${this.#expression}"`,
    );
  }

  refuse(problem: string, token?: string): Error {
    const named = token === undefined ? ";" : `: ${token}`;
    return invalid(`Invalid ${this.#kind}: ${problem}${named}`);
  }

  peek(offset = 0): string | undefined {
    return this.#tokens[this.#next + offset];
  }

  take(): string {
    const token = this.peek();
    if (token === undefined) throw this.error();
    this.#next += 1;
    return token;
  }

  /** Takes the next token if it is this one; words in any case. */
  takeIf(wanted: string): boolean {
    if (this.peek()?.toUpperCase() !== wanted) return false;
    this.#next += 1;
    return true;
  }

  expect(wanted: string): void {
    if (!this.takeIf(wanted)) throw this.error();
  }

  done(): boolean {
    return this.#next === this.#tokens.length;
  }

  expectEnd(): void {
    if (!this.done()) throw this.error();
  }
}

const list = <T>(reader: Reader, read: (reader: Reader) => T): T[] => {
  const items = [read(reader)];
  while (reader.takeIf(",")) items.push(read(reader));
  return items;
};

const readPath = (reader: Reader): Path => {
  const readName = (): Step => {
    const name = reader.take();
    if (!/^[A-Za-z_#]/.test(name)) throw reader.error(name);
    if (isReserved(name))
      throw reader.refuse("Attribute name is a reserved keyword; reserved keyword", name);
    return { name };
  };
  const path = [readName()];
  for (;;) {
    if (reader.takeIf(".")) path.push(readName());
    else if (reader.takeIf("[")) {
      path.push({ index: Number(reader.take()) });
      reader.expect("]");
    } else return path;
  }
};

const readPlaceholder = (reader: Reader): string => {
  const token = reader.take();
  if (!token.startsWith(":")) throw reader.error(token);
  return token;
};

const readOperand = (reader: Reader): Operand => {
  if (reader.peek()?.startsWith(":"))
    return { kind: "value", placeholder: readPlaceholder(reader) };
  if (reader.peek(1) !== "(") return { kind: "path", path: readPath(reader) };
  if (reader.take() !== "size") throw reader.error();
  reader.expect("(");
  const path = readPath(reader);
  reader.expect(")");
  return { kind: "size", path };
};

const readFunction = (reader: Reader): Condition => {
  const name = reader.take();
  reader.expect("(");
  const path = readPath(reader);
  let condition: Condition;
  if (name === "attribute_exists" || name === "attribute_not_exists") {
    condition = { kind: "exists", path, wanted: name === "attribute_exists" };
  } else if (name === "begins_with" || name === "contains" || name === "attribute_type") {
    reader.expect(",");
    condition = { kind: name, path, operand: readOperand(reader) };
  } else throw reader.refuse("Invalid function name; function", name);
  reader.expect(")");
  return condition;
};

const comparators: readonly string[] = ["=", "<>", "<", "<=", ">", ">="] satisfies Comparator[];
const isComparator = (token: string): token is Comparator => comparators.includes(token);

/** Conditions that stand in parentheses: a second pair around one is refused. */
const inParentheses = new WeakSet<Condition>();

const readPrimary = (reader: Reader): Condition => {
  if (reader.takeIf("(")) {
    const inner = readOr(reader);
    reader.expect(")");
    if (inParentheses.has(inner)) throw reader.refuse("The expression has redundant parentheses");
    inParentheses.add(inner);
    return inner;
  }
  if (reader.peek(1) === "(" && reader.peek() !== "size") return readFunction(reader);
  const operand = readOperand(reader);
  if (reader.takeIf("BETWEEN")) {
    const least = readOperand(reader);
    reader.expect("AND");
    return { kind: "between", operand, least, most: readOperand(reader) };
  }
  if (reader.takeIf("IN")) {
    reader.expect("(");
    const operands = list(reader, readOperand);
    reader.expect(")");
    return { kind: "in", operand, list: operands };
  }
  const comparator = reader.take();
  if (!isComparator(comparator)) throw reader.error(comparator);
  return { kind: "compare", comparator, left: operand, right: readOperand(reader) };
};

const readNot = (reader: Reader): Condition =>
  reader.takeIf("NOT") ? { kind: "not", inner: readNot(reader) } : readPrimary(reader);

const readAnd = (reader: Reader): Condition => {
  let left = readNot(reader);
  while (reader.takeIf("AND")) left = { kind: "and", left, right: readNot(reader) };
  return left;
};

function readOr(reader: Reader): Condition {
  let left = readAnd(reader);
  while (reader.takeIf("OR")) left = { kind: "or", left, right: readAnd(reader) };
  return left;
}

const readTerm = (reader: Reader): Assigned => {
  if (reader.peek(1) !== "(" || reader.peek() === "size") return readOperand(reader);
  const name = reader.take();
  reader.expect("(");
  let assigned: Assigned;
  if (name === "if_not_exists") {
    const path = readPath(reader);
    reader.expect(",");
    assigned = { kind: name, path, otherwise: readTerm(reader) };
  } else if (name === "list_append") {
    const left = readTerm(reader);
    reader.expect(",");
    assigned = { kind: name, left, right: readTerm(reader) };
  } else throw reader.refuse("Invalid function name; function", name);
  reader.expect(")");
  return assigned;
};

const readAssignment = (reader: Reader): Update["set"][number] => {
  const path = readPath(reader);
  reader.expect("=");
  const left = readTerm(reader);
  if (reader.takeIf("+"))
    return { path, value: { kind: "sum", sign: 1, left, right: readTerm(reader) } };
  if (reader.takeIf("-"))
    return { path, value: { kind: "sum", sign: -1, left, right: readTerm(reader) } };
  return { path, value: left };
};

/**
 * Parses a condition, filter or key condition.
 *
 * Source: Amazon DynamoDB Developer Guide, "Condition and filter expressions,
 * operators, and functions".
 */
export const parseCondition = (expression: string, kind = "ConditionExpression"): Condition => {
  const reader = new Reader(kind, expression);
  const condition = readOr(reader);
  reader.expectEnd();
  return condition;
};

/**
 * Parses an update: SET, REMOVE and ADD, each at most once.
 *
 * Source: Amazon DynamoDB Developer Guide, "Using update expressions".
 *
 * @throws for DELETE, which is not emulated
 */
export const parseUpdate = (expression: string): Update => {
  const reader = new Reader("UpdateExpression", expression);
  const update: { -readonly [Clause in keyof Update]?: Update[Clause] } = {};
  while (!reader.done()) {
    const clause = reader.take().toUpperCase();
    if (clause === "SET" && !update.set) update.set = list(reader, readAssignment);
    else if (clause === "REMOVE" && !update.remove) update.remove = list(reader, readPath);
    else if (clause === "ADD" && !update.add)
      update.add = list(reader, (each) => ({
        path: readPath(each),
        placeholder: readPlaceholder(each),
      }));
    else if (clause === "DELETE") throw new Error(`DELETE is not emulated: ${expression}`);
    else throw reader.error(clause);
  }
  return { set: update.set ?? [], remove: update.remove ?? [], add: update.add ?? [] };
};

/** Parses a projection: a list of paths. */
export const parseProjection = (expression: string): readonly Path[] => {
  const reader = new Reader("ProjectionExpression", expression);
  const paths = list(reader, readPath);
  reader.expectEnd();
  return paths;
};
