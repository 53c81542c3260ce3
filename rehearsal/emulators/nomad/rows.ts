import { type Expression, FilterSyntaxError, parseFilter } from "../hashicorp/filter.ts";
import {
  FilterEvaluationError,
  type FilterSubject,
  matchesFilter,
} from "../hashicorp/filter-evaluate.ts";
import { HttpError } from "../hashicorp/http-error.ts";

/** Where an index can stand in for the first comparison of a filter. */
export interface RowIndex<Row> {
  readonly path: readonly string[];
  find(value: string): Iterable<Row>;
}

const parsed = new Map<string, Expression>();
const PARSED_KEPT = 500;

const parse = (text: string): Expression => {
  const known = parsed.get(text);
  if (known) return known;
  try {
    const expression = parseFilter(text);
    if (parsed.size >= PARSED_KEPT) parsed.clear();
    parsed.set(text, expression);
    return expression;
  } catch (error) {
    if (!(error instanceof FilterSyntaxError)) throw error;
    throw new HttpError(
      400,
      `failed to create result paginator: failed to read filter expression: ${error.message}`,
    );
  }
};

const isPath = (one: readonly string[], other: readonly string[]) =>
  one.length === other.length && one.every((part, index) => part === other[index]);

/**
 * The rows that a filter can be true for, where indexes tell. A row that fails
 * the comparison that decides first is never looked at further (`and` and `or`
 * stop early), so that leaving it out changes no answer, errors included.
 */
const findCandidates = <Row>(
  expression: Expression,
  indexes: readonly RowIndex<Row>[],
): Iterable<Row> | undefined => {
  if (expression.kind === "and") return findCandidates(expression.left, indexes);
  if (expression.kind === "or") {
    const left = findCandidates(expression.left, indexes);
    const right = left && findCandidates(expression.right, indexes);
    return left && right && new Set([...left, ...right]);
  }
  if (expression.kind !== "match" || expression.operator !== "equal" || expression.negated) {
    return undefined;
  }
  const { path, value } = expression;
  return indexes.find((candidate) => isPath(candidate.path, path))?.find(value);
};

/**
 * The rows of a list that a request asks for: filtered, in order, one page.
 *
 * @throws HttpError 400 for a filter that is none or names an unknown field
 */
export const selectRows = <Row extends object>(options: {
  query: URLSearchParams;
  subject: FilterSubject;
  all: () => Iterable<Row>;
  indexes: readonly RowIndex<Row>[];
  allowed?: (row: Row) => boolean;
  /** What pages are cut by; ascending. */
  tokenOf: (row: Row) => string;
}): { rows: Row[]; nextToken: string } => {
  const { query, subject, tokenOf } = options;
  const text = query.get("filter") ?? "";
  const expression = text === "" ? undefined : parse(text);
  const candidates = (expression && findCandidates(expression, options.indexes)) ?? options.all();

  const prefix = query.get("prefix") ?? "";
  const from = query.get("next_token") ?? "";
  const perPage = Number(query.get("per_page") ?? "0") || 0;
  const matching: { token: string; row: Row }[] = [];
  try {
    for (const row of candidates) {
      if (options.allowed && !options.allowed(row)) continue;
      const token = tokenOf(row);
      if (token < from || !("ID" in row ? String(row.ID) : "").startsWith(prefix)) continue;
      if (expression && !matchesFilter(subject, expression, row)) continue;
      matching.push({ token, row });
    }
  } catch (error) {
    if (!(error instanceof FilterEvaluationError)) throw error;
    throw new HttpError(400, `failed to read result page: ${error.message}`);
  }
  matching.sort((one, other) => (one.token < other.token ? -1 : one.token > other.token ? 1 : 0));
  const page = perPage > 0 ? matching.slice(0, perPage) : matching;
  return {
    rows: page.map(({ row }) => row),
    nextToken: perPage > 0 ? (matching[perPage]?.token ?? "") : "",
  };
};
