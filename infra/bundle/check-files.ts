import { closeSync, openSync, readSync } from "node:fs";
import { join, matchesGlob } from "node:path";
import type { TarEntry } from "../../lambdas/config/tar.ts";
import { checkSyntax, hasSyntax } from "./rules/check-syntax.ts";
import { machinePath } from "./rules/check-tree.ts";
import { checkHook } from "./rules/check-hook.ts";
import type { Fault } from "./rules/faults.ts";
import { findSecrets } from "./rules/find-secrets.ts";
import { findPlaceholders } from "./rules/placeholders.ts";
import { descriptionFile } from "./rules/source-schema.ts";
import type { ReadDescription } from "./rules/read-description.ts";

/** The largest file that a machine renders, and whose syntax is checked: its shell holds it in memory. */
export const largestText = 1024 * 1024;

/** What is read at once. */
const readSize = 128 * 1024;

export interface CheckedFiles {
  /** Paths in the tar of the files with placeholders. */
  readonly rendered: readonly string[];
  readonly faults: readonly Fault[];
}

/** Whole lines of a file, some at a time, so that no file is held in memory at once. */
function* readLines(file: string, buffer: Buffer): Generator<Buffer> {
  const descriptor = openSync(file, "r");
  try {
    let kept = 0;
    for (;;) {
      const got = readSync(descriptor, buffer, kept, buffer.length - kept, null);
      const filled = kept + got;
      if (got === 0) {
        if (filled > 0) yield buffer.subarray(0, filled);
        return;
      }
      const end = buffer.lastIndexOf(10, filled - 1) + 1;
      // A line that fills the buffer is cut: nobody writes one in which something is to be found.
      const cut = filled < buffer.length ? end : end || filled;
      if (cut > 0) yield buffer.subarray(0, cut);
      buffer.copyWithin(0, cut, filled);
      kept = filled - cut;
    }
  } finally {
    closeSync(descriptor);
  }
}

const newlines = (text: string): number => {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
};

type Rule = ReadDescription["description"]["files"][number];

/** Numbers under `not-secrets` that were of use once, and would hide what comes to their line. */
const staleMarks = (
  { description, lineOf }: ReadDescription,
  marked: ReadonlyMap<Rule, ReadonlySet<number>>,
): Fault[] =>
  description.files.flatMap((rule, index) =>
    (rule["not-secrets"] ?? []).flatMap((number, place): Fault[] => {
      if (!marked.get(rule)?.has(number)) return [];
      const message = `line ${number} of ${rule.path} has nothing that looks like a secret: correct the number, or take it away`;
      const line = lineOf(["files", index, "not-secrets", place]);
      return [{ file: descriptionFile, line, message }];
    }),
  );

/** Reads every file once, and tells what is wrong with what is in them. */
export const checkFiles = async (
  source: string,
  entries: readonly TarEntry[],
  read: ReadDescription,
): Promise<CheckedFiles> => {
  const { description, incomplete } = read;
  const buffer = Buffer.allocUnsafe(readSize);
  const secrets = incomplete.has("secrets")
    ? undefined
    : new Set(description.secrets.map(({ name }) => name));
  const faults: Fault[] = [];
  const rendered: string[] = [];
  // Numbers of lines by the rule of a file, until something is found on the line.
  const marked = new Map<Rule, Set<number>>();
  for (const { path, kind, size = 0 } of entries) {
    if (kind !== "file") continue;
    const inTree = path.startsWith("files/");
    const rules = inTree
      ? description.files.filter(({ path: glob }) => matchesGlob(machinePath(path), glob))
      : [];
    for (const rule of rules) if (!marked.has(rule)) marked.set(rule, new Set(rule["not-secrets"]));
    const allowed = new Set(rules.flatMap((rule) => rule["not-secrets"] ?? []));
    let line = 1;
    let isBinary = false;
    let broken = false;
    let holds = false;
    let whole = "";
    if (!inTree && size === 0)
      faults.push(...checkHook("", line).map((fault) => ({ file: path, ...fault })));
    for (const chunk of readLines(join(source, path), buffer)) {
      isBinary ||= chunk.includes(0);
      // What is no text becomes none: a hundred megabytes of strings would be left to collect.
      if (isBinary && !chunk.includes("{{drover.")) continue;
      const text = chunk.toString(isBinary ? "latin1" : "utf8");
      const placeholders = inTree ? findPlaceholders(text, secrets) : undefined;
      if (placeholders?.any) {
        holds = true;
        if (isBinary) {
          faults.push({
            file: path,
            message: "it holds a placeholder and is no text: take that away",
          });
          break;
        }
        if (size > largestText) {
          const message = `it holds a placeholder and has ${size} bytes: at most ${largestText} are rendered`;
          faults.push({ file: path, line, message });
          break;
        }
      }
      const first = line;
      const found = (placeholders?.faults ?? []).map((fault) => ({
        file: path,
        line: first + fault.line - 1,
        message: fault.message,
      }));
      broken ||= found.length > 0;
      faults.push(...found);
      if (!isBinary) {
        const secretsFound = findSecrets(text, line);
        for (const rule of rules)
          for (const fault of secretsFound) marked.get(rule)?.delete(fault.line);
        const told = secretsFound.filter((fault) => !allowed.has(fault.line));
        if (!inTree) told.push(...checkHook(text, line));
        faults.push(...told.map((fault) => ({ file: path, ...fault })));
      }
      line += newlines(text);
      whole = text;
    }
    if (holds) rendered.push(path);
    const unchecked = rules.some(({ syntax }) => syntax === "none") || !hasSyntax(path);
    if (!inTree || broken || unchecked) continue;
    if (size > largestText) {
      const message = `its syntax cannot be checked, since it has ${size} bytes: give it syntax: none in bundle.yaml`;
      faults.push({ file: path, message });
      continue;
    }
    for (const fault of await checkSyntax(path, readWhole(join(source, path), whole, size))) {
      const remedy =
        "; if it is the input of another template, give it syntax: none in bundle.yaml";
      faults.push({ file: path, line: fault.line, message: fault.message + remedy });
    }
  }
  faults.push(...staleMarks(read, marked));
  return { rendered, faults };
};

/** The text of a small file: what was read last, if that was all of it. */
const readWhole = (file: string, last: string, size: number): string => {
  if (Buffer.byteLength(last) === size) return last;
  const buffer = Buffer.alloc(size);
  const descriptor = openSync(file, "r");
  try {
    return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, size, 0));
  } finally {
    closeSync(descriptor);
  }
};
