import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../../lambdas/config/plan.ts";
import type { TarEntry } from "../../lambdas/config/tar.ts";
import { checkFiles } from "./check-files.ts";
import { readTree } from "./read-tree.ts";
import { checkTree } from "./rules/check-tree.ts";
import { type Fault, renderFaults } from "./rules/faults.ts";
import { makePlan } from "./rules/make-plan.ts";
import { readDescription, unreadDescription } from "./rules/read-description.ts";
import { descriptionFile } from "./rules/source-schema.ts";

/** A source has faults; the message has all of them, with file and line. */
export class SourceRefused extends Error {
  override readonly name = "SourceRefused";
  readonly faults: readonly Fault[];
  constructor(source: string, faults: readonly Fault[]) {
    const count = faults.length === 1 ? "a fault" : `${faults.length} faults`;
    super(`${source} has ${count}, and nothing was published:\n${renderFaults(faults)}`);
    this.faults = faults;
  }
}

export interface CheckedSource {
  readonly source: string;
  /** Of `files/` and `hooks/`, in the order of the tar. */
  readonly entries: readonly TarEntry[];
  readonly plan: Plan;
}

const folders = ["files", "hooks"] as const;

/** The text of the description, or what is wrong with its file. */
const readText = (file: string): { readonly text: string } | { readonly message: string } => {
  try {
    // A pipe would be waited for.
    if (!statSync(file).isFile()) return { message: "it is no file: make it one" };
    return { text: readFileSync(file, "utf8") };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      return {
        message: existsSync(file.replace(/yaml$/, "yml"))
          ? "it is missing: rename bundle.yml"
          : 'it is missing: make it, with at least "architectures: [amd64]"',
      };
    return { message: `it cannot be read (${error instanceof Error ? error.message : "?"})` };
  }
};

/** What is wrong with the folders themselves, whatever is in them. */
const checkFolders = (entries: readonly TarEntry[]): Fault[] => {
  const missing = "the folder is missing: make it, for the tree as it will lie on the machine";
  const faults: Fault[] = folders
    .filter((name) => entries.some(({ path, kind }) => path === name && kind !== "folder"))
    .map((file) => ({ file, message: "it is no folder: make it one" }));
  return entries.some(({ path }) => path === "files")
    ? faults
    : [...faults, { file: "files", message: missing }];
};

/**
 * Checks a folder from which a bundle is to be made.
 *
 * @throws SourceRefused with every fault of it
 */
export const checkSource = async (source: string, pool: string): Promise<CheckedSource> => {
  const found = readText(join(source, descriptionFile));
  const read =
    "text" in found
      ? readDescription(found.text)
      : unreadDescription([{ file: descriptionFile, ...found }]);
  const tree = readTree(source, folders);
  const faults: Fault[] = [
    ...read.faults,
    ...tree.faults,
    ...checkTree(tree.entries),
    ...checkFolders(tree.entries),
  ];
  // What is wrong in the description is left out of it: the rest is checked all the same.
  const files = await checkFiles(source, tree.entries, read);
  const made = makePlan(pool, read, tree.entries, files.rendered);
  faults.push(...files.faults, ...made.faults);
  if (faults.length > 0) throw new SourceRefused(source, faults);
  return { source, entries: tree.entries, plan: made.plan };
};
