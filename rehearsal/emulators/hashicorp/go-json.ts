/**
 * JSON as Go's servers read and write it: field names in any case, integers
 * that are integers, durations in nanoseconds.
 */

/** Milliseconds since the epoch in the format of Go's `time.Time`. */
export const goTime = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replace(/\.?0*Z$/, "Z");

/** The same, cut to whole seconds, as where Go keeps Unix seconds. */
export const goTimeInSeconds = (milliseconds: number): string =>
  goTime(Math.floor(milliseconds / 1000) * 1000);

const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 36e5,
};

/**
 * Parses a Go duration such as `3s` or `1m30s`.
 *
 * @returns milliseconds, or undefined where Go refuses it (a number needs a unit)
 */
export const parseGoDuration = (text: string): number | undefined => {
  if (text === "0") return 0;
  const match = /^([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+)$/.exec(text);
  if (!match) return undefined;
  let total = 0;
  for (const [, number, unit] of match[2]!.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * UNITS[unit!]!;
  }
  return match[1] === "-" ? -total : total;
};

/** A number of a JSON text together with how it was written: `600e9` is no integer to Go. */
class WrittenNumber {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

/** A decoded JSON body whose fields are read the way Go reads them into a struct. */
export interface GoBody {
  string(name: string): string | undefined;
  integer(name: string): number | undefined;
  boolean(name: string): boolean | undefined;
  object(name: string): GoBody | undefined;
  stringMap(name: string): Record<string, string> | undefined;
}

/** Go could not decode a body; servers answer 400 with the message. */
export class GoDecodeError extends Error {
  override name = "GoDecodeError";
}

const describe = (value: unknown): string => {
  if (value instanceof WrittenNumber) return `number ${value.source}`;
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
};

const refuse = (value: unknown, field: string, type: string): never => {
  throw new GoDecodeError(
    `json: cannot unmarshal ${describe(value)} into Go struct field ${field} of type ${type}`,
  );
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof WrittenNumber);

const readFields = (fields: Record<string, unknown>): GoBody => {
  // encoding/json matches names without regard to case, and takes null for "leave it".
  const find = (name: string): unknown => {
    const key = Object.keys(fields).find((key) => key.toLowerCase() === name.toLowerCase());
    return key === undefined ? undefined : (fields[key] ?? undefined);
  };
  const object = (name: string): Record<string, unknown> | undefined => {
    const value = find(name);
    if (value === undefined) return undefined;
    return isRecord(value) ? value : refuse(value, name, "struct");
  };
  return {
    string(name) {
      const value = find(name);
      return value === undefined || typeof value === "string"
        ? value
        : refuse(value, name, "string");
    },
    integer(name) {
      const value = find(name);
      if (value === undefined) return undefined;
      if (value instanceof WrittenNumber && /^-?\d+$/.test(value.source))
        return Number(value.source);
      return refuse(value, name, "int64");
    },
    boolean(name) {
      const value = find(name);
      return value === undefined || typeof value === "boolean"
        ? value
        : refuse(value, name, "bool");
    },
    object(name) {
      const value = object(name);
      return value && readFields(value);
    },
    stringMap(name) {
      const value = object(name);
      if (!value) return undefined;
      const entries = Object.entries(value).map(([key, item]): [string, string] => [
        key,
        typeof item === "string" ? item : item === null ? "" : refuse(item, name, "string"),
      ]);
      return Object.fromEntries(entries);
    },
  };
};

/**
 * Decodes the body of a request into the fields of a Go struct. Unknown fields
 * are ignored, as Go ignores them.
 *
 * @throws GoDecodeError where Go would refuse the body
 */
export const decodeGoBody = (text: string): GoBody => {
  if (text === "") throw new GoDecodeError("Request body is empty");
  // The third argument (the source text) is not in the type library yet.
  const keepSource = (_key: string, value: unknown, ...[context]: { source?: string }[]) =>
    typeof value === "number" ? new WrittenNumber(context?.source ?? String(value)) : value;
  let value: unknown;
  try {
    value = JSON.parse(text, keepSource);
  } catch (error) {
    throw new GoDecodeError(error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
  if (value === null) return readFields({});
  return isRecord(value) ? readFields(value) : refuse(value, "", "struct");
};
