import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Code } from "aws-cdk-lib/aws-lambda";
import { buildSync } from "esbuild";
import type { Task } from "../stepfunctions/tasks.ts";
import { taskNames } from "./task-names.ts";

/** Where the code of each task's function is. */
export type FunctionCode = (task: Task) => Code;

const root = join(import.meta.dirname, "..");

/** Each function's folder holds this file; its handler is `index.handler`. */
const entry = "index.mjs";

export interface BuiltFile {
  /** Relative to the folder of all functions: `retire/find-node/index.mjs`. */
  readonly path: string;
  readonly contents: Uint8Array;
}

/**
 * Bundles the handlers of all tasks at once, in memory. The AWS SDK goes in:
 * the one in Lambda's runtime changes under a deployed function. The same
 * sources give the same bytes, so that only a change makes a new version.
 *
 * The banner gives bundled CommonJS modules the `require` that ESM has not.
 */
export const buildFunctions = (): BuiltFile[] => {
  const outdir = join(root, "dist", "functions");
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: taskNames
      .filter((task) => existsSync(join(root, "lambdas", `${task}.ts`)))
      .map((task) => ({ in: join("lambdas", `${task}.ts`), out: join(task, "index") })),
    outdir,
    outExtension: { ".js": ".mjs" },
    write: false,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node24",
    format: "esm",
    mainFields: ["module", "main"],
    banner: {
      js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
    },
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    logLevel: "silent",
  });
  return outputFiles
    .map(({ path, contents }) => ({ path: path.slice(outdir.length + 1), contents }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
};

/** Writes the bundles to a folder named by their content; several processes may do so at once. */
const writeOnce = (files: readonly BuiltFile[]): string => {
  const hash = createHash("sha256");
  for (const { path, contents } of files) hash.update(path).update("\0").update(contents);
  const folder = join(root, ".cache", "functions", hash.digest("hex").slice(0, 16));
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  for (const { path, contents } of files) {
    mkdirSync(dirname(join(unfinished, path)), { recursive: true });
    writeFileSync(join(unfinished, path), contents);
  }
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    // Another process was first, with the same content.
    rmSync(unfinished, { recursive: true });
  }
  return folder;
};

let folder: string | undefined;

/**
 * The functions' code: built when an app of this repository is synthesized, and
 * built beforehand in the installed package.
 */
export const functionCode: FunctionCode = (task) => {
  const isPackaged = import.meta.filename.endsWith(".js");
  folder ??= isPackaged ? join(root, "functions") : writeOnce(buildFunctions());
  const path = join(folder, task);
  return existsSync(join(path, entry))
    ? Code.fromAsset(path)
    : Code.fromInline("export const handler = async () => { throw new Error('not written'); };");
};
