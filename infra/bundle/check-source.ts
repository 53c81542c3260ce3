import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../../lambdas/config/plan.ts";
import type { TarEntry } from "../../lambdas/config/tar.ts";
import { checkFiles } from "./check-files.ts";
import { readTree } from "./read-tree.ts";
import { checkTree } from "./rules/check-tree.ts";
import { type Fault, renderFaults } from "./rules/faults.ts";
import { makePlan } from "./rules/make-plan.ts";
import { type Description, descriptionFile, readDescription } from "./rules/source-schema.ts";

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

const readText = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
};

const nothing: Description = {
  architectures: ["amd64"],
  files: [],
  binaries: [],
  secrets: [],
  services: [],
  hooks: { "before-switch": [], "after-switch": [], "before-start": [], "after-start": [] },
};

/**
 * Checks a folder from which a bundle is to be made.
 *
 * @throws SourceRefused with every fault of it
 */
export const checkSource = async (source: string, pool: string): Promise<CheckedSource> => {
  const text = readText(join(source, descriptionFile));
  const read =
    text === undefined
      ? {
          faults: [
            {
              file: descriptionFile,
              message: `it is missing: make it, with at least "architectures: [amd64]"`,
            },
          ],
          lineOf: () => undefined,
        }
      : readDescription(text);
  const tree = readTree(source, ["files", "hooks"]);
  const faults: Fault[] = [...read.faults, ...tree.faults, ...checkTree(tree.entries)];
  if (!tree.entries.some(({ path }) => path === "files"))
    faults.push({
      file: "files",
      message: "the folder is missing: make it, for the tree as it will lie on the machine",
    });
  const description = "description" in read ? read.description : undefined;
  // Without its description the files are looked through all the same, as far as that goes.
  const files = await checkFiles(source, tree.entries, description ?? nothing);
  const isUnknowable = ({ message }: Fault): boolean =>
    description === undefined && message.includes("there is no secret");
  faults.push(...files.faults.filter((fault) => !isUnknowable(fault)));
  const made = makePlan(pool, description ?? nothing, tree.entries, files.rendered, read.lineOf);
  if (description) faults.push(...made.faults);
  if (faults.length > 0) throw new SourceRefused(source, faults);
  return { source, entries: tree.entries, plan: made.plan };
};
