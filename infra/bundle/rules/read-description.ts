import * as v from "valibot";
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { yamlFaults } from "./check-syntax.ts";
import type { Fault } from "./faults.ts";
import { type Description, descriptionFile, schema } from "./source-schema.ts";

type Keys = readonly (string | number)[];
type Section = keyof Description;
const sections = Object.keys(schema.entries) as Section[];

export interface ReadDescription {
  /** Without the entries and fields that are wrong. */
  readonly description: Description;
  /** Sections of which something was left out: what is missed in these is no fault. */
  readonly incomplete: ReadonlySet<Section>;
  readonly faults: readonly Fault[];
  /** The line of a value, by its path in the description. */
  readonly lineOf: (path: Keys) => number | undefined;
}

/** A description of which nothing is known. */
export const unreadDescription = (faults: readonly Fault[]): ReadDescription => ({
  description: { ...v.parse(schema, { architectures: ["amd64"] }), architectures: [] },
  incomplete: new Set(sections),
  faults,
  lineOf: () => undefined,
});

/** The line of the value at a path, or of what is nearest above it. */
const lineAt = (document: Document, lines: LineCounter, path: Keys): number | undefined => {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
};

/** The list that holds the value at a path, and the value or its pair in there. */
const heldAt = (
  document: Document,
  path: Keys,
): { readonly items: unknown[]; readonly item: unknown } | undefined => {
  const above = path.slice(0, -1);
  const last = path.at(-1);
  const parent = above.length === 0 ? document.contents : document.getIn(above, true);
  const item = isMap(parent)
    ? parent.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(last))
    : isSeq(parent)
      ? parent.items[Number(last)]
      : undefined;
  return item === undefined || !(isMap(parent) || isSeq(parent))
    ? undefined
    : { items: parent.items, item };
};

/** What goes for a wrong value, with its path: itself, or the nearest above it that is in the document. */
const toLeaveOut = (document: Document, path: Keys) => {
  for (let length = path.length; length > 0; length -= 1) {
    const part = path.slice(0, length);
    const held = heldAt(document, part);
    if (held) return { ...held, part };
  }
  return undefined;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const keysOf = ({ path }: v.BaseIssue<unknown>): Keys =>
  (path ?? []).map(({ key }) => key as string | number);

const isUnknownKey = ({ expected }: v.BaseIssue<unknown>): boolean => expected === "never";

/** The path of the value that cannot stay: of a binary without its pin, the binary. */
const wrongPart = (issue: v.BaseIssue<unknown>): Keys => {
  const keys = keysOf(issue);
  const isPin = keys[0] === "binaries" && (keys[2] === "amd64" || keys[2] === "arm64");
  return isPin && !isUnknownKey(issue) ? keys.slice(0, 2) : keys;
};

/** An entry by its path or name; one that has none by its number, which people count from 1. */
const placeOf = (keys: Keys, entry: unknown): string => {
  const facts: Readonly<Record<string, unknown>> = isRecord(entry) ? entry : {};
  const name = [facts["path"], facts["name"]].find((each) => typeof each === "string");
  return keys
    .map((key, index) => {
      if (index === 1 && name !== undefined) return `of ${name}`;
      return typeof key === "number" ? `entry ${key + 1}` : key;
    })
    .join(" ");
};

const faultOf = (issue: v.BaseIssue<unknown>, lineOf: ReadDescription["lineOf"]): Fault => {
  const keys = keysOf(issue);
  const where = placeOf(isUnknownKey(issue) ? keys.slice(0, -1) : keys, issue.path?.[1]?.value);
  const message = where === "" ? issue.message : `${where}: ${issue.message}`;
  return { file: descriptionFile, line: lineOf(keys), message };
};

/** Sections in which something may be missed when a value is left out. */
const sectionsOf = (document: Document, path: Keys): readonly Section[] => {
  const [section] = path;
  // An entry without one of its fields is still there.
  if (path.length > 2 && section !== "hooks") return [];
  const known = sections.filter((each) => each === section);
  // An unknown section may have been meant as any of those that there are not.
  return known.length > 0 ? known : sections.filter((each) => !document.has(each));
};

/** The value of a document; undefined if an alias leads nowhere, or there are far too many. */
const valueOf = (document: Document): { readonly value: unknown } | undefined => {
  try {
    return { value: document.toJS({ maxAliasCount: 10 }) ?? {} };
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
};

/** Reads `bundle.yaml`, and tells all that is wrong with it. */
export const readDescription = (text: string): ReadDescription => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const lineOf = (path: Keys) => lineAt(document, lines, path);
  const faults = yamlFaults(document.errors, lines).map((fault): Fault => ({
    file: descriptionFile,
    ...fault,
  }));
  if (faults.length > 0) return unreadDescription(faults);
  const incomplete = new Set<Section>();
  let architectures: Description["architectures"] | undefined;
  // What is wrong is taken out until the rest is right; what is left keeps its lines.
  for (let isFirst = true; ; isFirst = false) {
    const read = valueOf(document);
    if (!read) {
      const message =
        "an alias of it has no anchor, or there are too many: write out what they stand for";
      return unreadDescription(isFirst ? [{ file: descriptionFile, message }] : faults);
    }
    // One fault a value: the first says what is wrong.
    const parsed = v.safeParse(schema, read.value, { abortPipeEarly: true });
    if (parsed.success) {
      const description = { ...parsed.output, ...(architectures && { architectures }) };
      return { description, incomplete, faults, lineOf };
    }
    // A parse tells the first unknown key of each mapping; what else comes up later follows from what was taken.
    for (const issue of parsed.issues)
      if (isFirst || isUnknownKey(issue)) faults.push(faultOf(issue, lineOf));
    const wrong = parsed.issues.map((issue) => {
      const path = wrongPart(issue);
      const held = toLeaveOut(document, path);
      for (const section of sectionsOf(document, held?.part ?? path)) incomplete.add(section);
      return { path, held };
    });
    for (const { path, held } of wrong) {
      if (held) {
        const at = held.items.indexOf(held.item);
        if (at >= 0) held.items.splice(at, 1);
      } else if (path[0] === "architectures" && isMap(document.contents)) {
        document.set("architectures", document.createNode(["amd64"]));
        architectures = [];
      } else return unreadDescription(faults);
    }
  }
};
