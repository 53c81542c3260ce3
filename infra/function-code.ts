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
import { basename, dirname, join } from "node:path";
import { Code } from "aws-cdk-lib/aws-lambda";
import type * as Esbuild from "esbuild";
import type { BuildOptions } from "esbuild";
import { scriptsFile } from "../lambdas/deploy/scripts-file.ts";
import type { Task } from "../stepfunctions/tasks.ts";
import { packMachineScripts } from "./machine-user-data.ts";
import { taskNames } from "./task-names.ts";

/** Functions that CloudFormation calls while it deploys, by the paths of their handlers. */
export const deployFunctions = ["deploy/prepare-store", "deploy/publish-bundle"] as const;
export type DeployFunction = (typeof deployFunctions)[number];

/** Where the code of each function is, which is named by the path of its handler. */
export type FunctionCode = (name: Task | DeployFunction) => Code;

const root = join(import.meta.dirname, "..");

export interface BuiltFile {
  /** Relative to the folder of all functions: `retire/find-node/index.mjs`, or what goes with it. */
  readonly path: string;
  readonly contents: Uint8Array;
}

/**
 * Tasks whose bundle is worth a second pass: of EC2's client nearly everything is
 * of no use to anybody, and more than all the others together.
 */
const largeTasks: ReadonlySet<Task> = new Set(["watch/plan-repairs", "config/prune-bundles"]);

/**
 * The SDK describes all operations of a service in one module, in objects whose
 * keys are constants. What computing a key does a bundler cannot know, so that it
 * keeps them all. With the texts themselves as keys it drops what nobody uses.
 *
 * @param code - as esbuild prints it, not minified
 */
export const inlineKeys = (code: string): string => {
  const constants = new Map(
    [...code.matchAll(/^var (_\w+) = ("(?:[^"\\\n]|\\.)*");$/gm)].map(([, name, text]) => [
      name,
      text,
    ]),
  );
  return code.replaceAll(/\[(_\w+)\]: /g, (key, name: string) => {
    const text = constants.get(name);
    return text === undefined ? key : `${text}: `;
  });
};

/**
 * Bundles the handlers of all functions at once, in memory. The AWS SDK goes in:
 * the one in Lambda's runtime changes under a deployed function. The same
 * sources give the same bytes, so that only a change makes a new version.
 *
 * The banner gives bundled CommonJS modules the `require` that ESM has not.
 */
export const buildFunctions = (): BuiltFile[] => {
  // Only here: an installed package has no bundler, and no need of one.
  const { buildSync, transformSync } = createRequire(import.meta.url)("esbuild") as typeof Esbuild;
  const outdir = join(root, "dist", "functions");
  const shape = {
    platform: "node",
    target: "node24",
    format: "esm",
    sourcesContent: false,
    legalComments: "none",
    logLevel: "silent",
  } as const;
  const banner =
    'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);';
  const build = (
    functions: readonly (Task | DeployFunction)[],
    options: Pick<BuildOptions, "minify" | "sourcemap">,
  ) =>
    buildSync({
      ...shape,
      ...options,
      absWorkingDir: root,
      entryPoints: functions.map((name) => ({
        in: join("lambdas", `${name}.ts`),
        out: join(name, "index"),
      })),
      outdir,
      outExtension: { ".js": ".mjs" },
      write: false,
      bundle: true,
      mainFields: ["module", "main"],
      alias: { "@aws-sdk/credential-provider-node": "./lambdas/runtime/lambda-credentials.ts" },
      banner: { js: banner },
    }).outputFiles.map(({ path, contents }) => ({ path: path.slice(outdir.length + 1), contents }));

  const small = build([...taskNames.filter((task) => !largeTasks.has(task)), ...deployFunctions], {
    minify: true,
    sourcemap: "linked",
  });
  const large = build([...largeTasks], { minify: false, sourcemap: "inline" }).flatMap(
    ({ path, contents }): BuiltFile[] => {
      const { code, map } = transformSync(inlineKeys(Buffer.from(contents).toString("utf8")), {
        ...shape,
        minify: true,
        treeShaking: true,
        sourcemap: "external",
        sourcefile: basename(path),
      });
      const link = `//# sourceMappingURL=${basename(path)}.map\n`;
      return [
        { path, contents: Buffer.from(code + link) },
        { path: `${path}.map`, contents: Buffer.from(map) },
      ];
    },
  );
  const scripts = {
    path: `deploy/prepare-store/${scriptsFile}`,
    contents: packMachineScripts().archive,
  };
  return [...small, ...large, scripts].toSorted((a, b) => (a.path < b.path ? -1 : 1));
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
export const functionCode: FunctionCode = (name) => {
  const isPackaged = import.meta.filename.endsWith(".js");
  folder ??= isPackaged ? join(root, "functions") : writeOnce(buildFunctions());
  return Code.fromAsset(join(folder, name));
};
