import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Code } from "aws-cdk-lib/aws-lambda";
import type * as Esbuild from "esbuild";
import type { Task } from "../stepfunctions/tasks.ts";
import { taskNames } from "./task-names.ts";

/** Where the code of each task's function is. */
export type FunctionCode = (task: Task) => Code;

const root = join(import.meta.dirname, "..");

export interface BuiltFile {
  /** Relative to the folder of all functions: `retire/find-node/index.mjs`, or its source map. */
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
  // Only here: an installed package has no bundler, and no need of one.
  const { buildSync } = createRequire(import.meta.url)("esbuild") as typeof Esbuild;
  const outdir = join(root, "dist", "functions");
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: taskNames.map((task) => ({
      in: join("lambdas", `${task}.ts`),
      out: join(task, "index"),
    })),
    outdir,
    outExtension: { ".js": ".mjs" },
    write: false,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node24",
    format: "esm",
    mainFields: ["module", "main"],
    alias: { "@aws-sdk/credential-provider-node": "./lambdas/runtime/lambda-credentials.ts" },
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

const hour = 3_600_000;

/** Removes what earlier syntheses left behind; a young one may be in use by another process. */
const forgetOld = (parent: string): void => {
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > hour) rmSync(path, { recursive: true, force: true });
  }
};

/** Writes the bundles to a folder named by their content; several processes may do so at once. */
const writeOnce = (files: readonly BuiltFile[]): string => {
  const hash = createHash("sha256");
  for (const { path, contents } of files) hash.update(path).update("\0").update(contents);
  const folder = join(root, ".cache", "functions", hash.digest("hex").slice(0, 16));
  if (existsSync(folder)) return folder;
  forgetOld(join(folder, ".."));
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
  return Code.fromAsset(join(folder, task));
};
