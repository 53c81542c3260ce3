import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { runCommand } from "../tools/commands.ts";

const root = join(import.meta.dirname, "..", "..");
/** What it is installed by; a package of its own, which only these tests install. */
const manifests = join(import.meta.dirname, "ric");
const manifestNames = ["package.json", "package-lock.json", ".npmrc"];

/** Node's headers beside one of the installed Nodes, so that node-gyp need not fetch them. */
const findHeaders = (): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => dirname(folder))
    .find((prefix) => existsSync(join(prefix, "include/node/node.h")));

const install = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true });
  for (const name of manifestNames) await copyFile(join(manifests, name), join(folder, name));
  const headers = process.env["npm_config_nodedir"] ?? findHeaders();
  const { code, output } = await runCommand(
    "npm",
    ["ci", "--no-audit", "--no-fund", "--foreground-scripts", "--loglevel=error"],
    {
      limitSeconds: 900,
      cwd: folder,
      env: {
        ...process.env,
        // The client wants a newer Node than npm may have been started with.
        PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"]}`,
        ...(headers !== undefined && { npm_config_nodedir: headers }),
      },
    },
  );
  if (code !== 0)
    throw new Error(`npm ci ended with ${code ?? "a signal"}: ${output.slice(-4000)}`);
};

/**
 * Installs Lambda's runtime interface client, once for each state of the lock file: its
 * addon takes a minute to compile, so no one but these tests has to wait for it.
 *
 * @returns the path of its main module
 */
export const installRic = async (
  report: (line: string) => void = () => undefined,
): Promise<string> => {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const name of manifestNames) hash.update(await readFile(join(manifests, name)));
  const folder = join(root, ".cache", "ric", hash.digest("hex").slice(0, 16));
  const client = join("node_modules", "aws-lambda-ric");
  if (!existsSync(folder)) {
    report("compiling Lambda's runtime interface client, which takes a minute, once");
    // Under a name of its own until it is whole.
    const unfinished = `${folder}.${process.pid}`;
    try {
      await install(unfinished);
      if (!existsSync(join(unfinished, client, "rapid-client.node"))) {
        throw new Error("npm ran no install scripts: does its configuration hold ignore-scripts?");
      }
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  return join(folder, client, "index.mjs");
};
