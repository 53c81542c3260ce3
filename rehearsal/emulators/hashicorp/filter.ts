/**
 * The filter language of the HashiCorp APIs (`?filter=`), as far as a client of
 * nodes, allocations and catalogs meets it: `==`, `!=`, `in`, `contains`,
 * `matches`, `is empty`, `and`, `or`, `not`, parentheses, `Map["key"]`.
 */

/** One comparison. */
export interface Match {
  readonly kind: "match";
  readonly path: readonly string[];
  readonly operator: "equal" | "in" | "matches" | "empty";
  readonly negated: boolean;
  readonly value: string;
}

export type Expression =
  | Match
  | { readonly kind: "not"; readonly operand: Expression }
  | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression };

/** The text is no filter; servers answer 400. */
export class FilterSyntaxError extends Error {
  override name = "FilterSyntaxError";
}

interface Token {
  readonly kind: "word" | "string" | "symbol" | "end";
  readonly text: string;
}

const TOKEN =
  /\s*(?:"([^"]*)"|`([^`]*)`|(-?\d+(?:\.\d+)?(?![\w-]))|([A-Za-z][A-Za-z0-9_/]*)|(==|!=|\(|\)|\[|\]|\.))/y;

const tokenize = (text: string): Token[] => {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new FilterSyntaxError(`1:${start + 1} (${start}): no match found`);
    const [, double, raw, number, word, symbol] = match;
    if (word !== undefined) tokens.push({ kind: "word", text: word });
    else if (symbol !== undefined) tokens.push({ kind: "symbol", text: symbol });
    else tokens.push({ kind: "string", text: double ?? raw ?? number ?? "" });
  }
  tokens.push({ kind: "end", text: "" });
  return tokens;
};

/**
 * Parses a filter.
 *
 * @throws FilterSyntaxError
 */
export const parseFilter = (text: string): Expression => {
  const tokens = tokenize(text);
  let position = 0;
  const peek = (ahead = 0): Token => tokens[position + ahead] ?? { kind: "end", text: "" };
  const next = (): Token => {
    const token = peek();
    position += 1;
    return token;
  };
  const fail = (): never => {
    throw new FilterSyntaxError(`no match found at ${JSON.stringify(peek().text)}`);
  };
  const isWord = (word: string, ahead = 0) =>
    peek(ahead).kind === "word" && peek(ahead).text === word;
  const isSymbol = (symbol: string) => peek().kind === "symbol" && peek().text === symbol;
  const expectSymbol = (symbol: string) => (isSymbol(symbol) ? next() : fail());

  const parsePath = (): string[] => {
    if (peek().kind !== "word") fail();
    const path = [next().text];
    for (;;) {
      if (isSymbol(".")) {
        next();
        path.push(peek().kind === "end" || peek().kind === "symbol" ? fail() : next().text);
      } else if (isSymbol("[")) {
        next();
        path.push(peek().kind === "string" ? next().text : fail());
        expectSymbol("]");
      } else return path;
    }
  };

  const parseValue = (): string => {
    if (peek().kind === "string") return next().text;
    return parsePath().join(".");
  };

  const parseMatch = (): Expression => {
    // `"x" in Field` has its value first, everything else its field.
    if (peek().kind === "string") {
      const value = next().text;
      const negated = isWord("not");
      if (negated) next();
      if (!isWord("in")) fail();
      next();
      return { kind: "match", path: parsePath(), operator: "in", negated, value };
    }
    const path = parsePath();
    if (isSymbol("==") || isSymbol("!=")) {
      const negated = next().text === "!=";
      return { kind: "match", path, operator: "equal", negated, value: parseValue() };
    }
    if (isWord("is")) {
      next();
      const negated = isWord("not");
      if (negated) next();
      if (!isWord("empty")) fail();
      next();
      return { kind: "match", path, operator: "empty", negated, value: "" };
    }
    const negated = isWord("not");
    if (negated) next();
    if (isWord("in")) {
      next();
      return { kind: "match", path: parsePath(), operator: "in", negated, value: path.join(".") };
    }
    const operator = isWord("contains") ? "in" : isWord("matches") ? "matches" : fail();
    next();
    return { kind: "match", path, operator, negated, value: parseValue() };
  };

  const parseUnary = (): Expression => {
    if (isWord("not")) {
      next();
      return { kind: "not", operand: parseUnary() };
    }
    if (!isSymbol("(")) return parseMatch();
    next();
    const inner = parseOr();
    expectSymbol(")");
    return inner;
  };

  const parseAnd = (): Expression => {
    const left = parseUnary();
    if (!isWord("and")) return left;
    next();
    return { kind: "and", left, right: parseAnd() };
  };

  const parseOr = (): Expression => {
    const left = parseAnd();
    if (!isWord("or")) return left;
    next();
    return { kind: "or", left, right: parseOr() };
  };

  const expression = parseOr();
  return peek().kind === "end" ? expression : fail();
};
