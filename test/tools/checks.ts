import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type Ended, runCommand } from "./commands.ts";
import type { Outcome } from "./outcome.ts";

const root = join(import.meta.dirname, "..", "..");
const npmTool = (name: string) => join(root, "node_modules", ".bin", name);

/** A look at the sources, which counts as one test. */
export interface Check {
  readonly name: string;
  readonly run: (limitSeconds: number) => Promise<Ended>;
}

const command = (name: string, tool: string, ...args: string[]): Check => ({
  name,
  run: (limitSeconds) => runCommand(npmTool(tool), args, { limitSeconds, cwd: root }),
});

export const formatCheck = command("the format", "oxfmt", "--check", ".");
export const lintCheck = command("the linter", "oxlint", "--type-aware", "--deny-warnings");
export const typeCheck = command("the types", "tsc", "--noEmit");

/** Comes last in a full run, which tells where its processes wrote what they used. */
export const permissionCheck: Check = {
  name: "the permissions that are used",
  run: (limitSeconds) =>
    runCommand(process.execPath, [join(root, "test", "iam", "check-permissions.ts")], {
      limitSeconds,
      cwd: root,
    }),
};

const firstLine = (path: string): string => {
  const buffer = Buffer.alloc(64);
  const file = openSync(path, "r");
  try {
    readSync(file, buffer);
  } finally {
    closeSync(file);
  }
  return buffer.toString("latin1").split("\n", 1)[0] ?? "";
};

/** Every script in the repository, known by its first line. */
const findScripts = (): string[] =>
  execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\0")
    .filter((path) => path !== "" && !path.endsWith(".ts"))
    .filter((path) => /^#!.*\b(ba|da)?sh\b|^#!.*\bopenrc-run\b/.test(firstLine(join(root, path))));

/** What runs on the machines is run by Alpine's busybox. */
const isForBusybox = (path: string): boolean => /^(node|examples\/pool)\//.test(path);

/** OpenRC reads the variables that a service sets. */
const isService = (path: string): boolean => path.includes("/init.d/");

export const shellCheck: Check = {
  name: "the shell scripts",
  run: async (limitSeconds) => {
    const scripts = findScripts();
    const shellcheck = join(root, ".cache", "python", "bin", "shellcheck");
    const check = (args: string[], files: string[]): Promise<Ended> =>
      files.length === 0
        ? Promise.resolve({ code: 0, output: "", timedOut: false })
        : runCommand(shellcheck, [...args, "--", ...files], { limitSeconds, cwd: root });
    const ours = await check(
      [],
      scripts.filter((path) => !isForBusybox(path)),
    );
    if (ours.code !== 0) return ours;
    const theirs = scripts.filter(isForBusybox);
    const services = await check(["--shell=busybox", "--exclude=SC2034"], theirs.filter(isService));
    if (services.code !== 0) return services;
    // Their parts are no scripts of their own: they are looked at where they are sourced.
    return check(
      ["--shell=busybox", "--external-sources", "--check-sourced"],
      theirs.filter((path) => !isService(path)),
    );
  },
};

/** Runs a check as a test. */
export const runCheck = async (check: Check, limitSeconds: number): Promise<Outcome> => {
  const { code, output, timedOut } = await check.run(limitSeconds);
  if (code === 0) return { passed: 1, failures: [], skipped: [] };
  const why = timedOut ? `was still running after ${limitSeconds} s` : `ended with ${code}`;
  return {
    passed: 0,
    // Some tools take a CI for a terminal.
    failures: [
      { where: check.name, details: `${why}\n${stripVTControlCharacters(output).trim()}` },
    ],
    skipped: [],
  };
};
