import { isUtf8 } from "node:buffer";
import { createTwoFilesPatch } from "diff";
import { type IndexedEntry, readContent } from "../../infra/bundle/index-tar.ts";
import { compareTars, type Entries } from "../../infra/bundle/rules/compare-tars.ts";

/** One of the two bundles that are compared. */
export interface Side {
  /** What it is called in the output. */
  readonly name: string;
  /** The tar on disk; absent for what has nothing in it. */
  readonly file?: string | undefined;
  readonly entries: Entries;
}

/** Bytes; what is longer is told, not shown. */
const longestShown = 256 * 1024;

/** Lines removed and added; the time that it takes to find them grows with their square. */
const mostEdits = 1000;

const contentOf = async (
  side: Side,
  entry: IndexedEntry | undefined,
): Promise<string | undefined> => {
  if (entry === undefined || side.file === undefined) return "";
  if ((entry.size ?? 0) > longestShown) return undefined;
  const content = await readContent(side.file, entry);
  // Of another encoding, different letters would look the same.
  return content.includes(0) || !isUtf8(content) ? undefined : content.toString("utf8");
};

const kindOf = ({ kind, executable, target }: IndexedEntry): string => {
  if (kind === "link") return `link to ${target}`;
  return executable ? "executable file" : kind;
};

const describeChange = (before: IndexedEntry, after: IndexedEntry): string => {
  const [was, is] = [kindOf(before), kindOf(after)];
  const isOther = before.kind === "file" && after.kind === "file" && before.sha256 !== after.sha256;
  const sizes = isOther ? ` (${before.size} -> ${after.size} bytes)` : "";
  return was === is ? sizes : ` (${was} -> ${is})${sizes}`;
};

const patchOf = async (before: Side, after: Side, path: string): Promise<string> => {
  const [old, now] = [before.entries.get(path), after.entries.get(path)];
  const isFile = (entry: IndexedEntry | undefined) => entry === undefined || entry.kind === "file";
  if (!isFile(old) || !isFile(now) || old?.sha256 === now?.sha256) return "";
  const [from, to] = [await contentOf(before, old), await contentOf(after, now)];
  if (from === undefined || to === undefined) return "";
  // What was not there before is all new: that is found at once.
  const maxEditLength = from === "" || to === "" ? Infinity : mostEdits;
  const names = [`${before.name}/${path}`, `${after.name}/${path}`] as const;
  const patch = createTwoFilesPatch(...names, from, to, "", "", { maxEditLength });
  if (patch === undefined) return `${path}: more than ${mostEdits} lines differ\n`;
  // Without the line of `=` that this library begins with.
  return patch.replace(/^=+\n/, "");
};

/** What one bundle has that another has not, and what differs: for a person to read. */
export const renderDiff = async (before: Side, after: Side): Promise<string> => {
  const { added, removed, changed } = compareTars(before.entries, after.entries);
  const lines = [
    ...removed.map((path) => `- ${path}\n`),
    ...added.map((path) => `+ ${path}\n`),
    ...changed.map((path) => {
      const [old, now] = [before.entries.get(path), after.entries.get(path)];
      return `~ ${path}${old && now ? describeChange(old, now) : ""}\n`;
    }),
  ];
  const patches: string[] = [];
  for (const path of [...changed, ...added]) {
    const patch = await patchOf(before, after, path);
    if (patch !== "") patches.push(`\n${patch}`);
  }
  return [...lines, ...patches].join("");
};
