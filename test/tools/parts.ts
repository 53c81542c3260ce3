import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import {
  type Check,
  formatCheck,
  lintCheck,
  permissionCheck,
  runCheck,
  shellCheck,
  typeCheck,
} from "./checks.ts";
import {
  agents,
  jdk,
  lambdaRuntime,
  localKms,
  machines,
  machinesWithAgents,
  machinesWithKms,
  ministack,
  type Need,
  openssl,
  python,
  strace,
} from "./needs.ts";
import type { Outcome } from "./outcome.ts";
import { runFile } from "./run-file.ts";

const root = join(import.meta.dirname, "..", "..");

/** A test file or a check. */
export interface Job {
  readonly name: string;
  /** Relative to the repository; a check has none. */
  readonly file?: string;
  readonly need?: Need | undefined;
  readonly run: () => Promise<Outcome>;
}

/** A part of the tests, which runs by itself. */
export interface Part {
  readonly name: string;
  /** How many of its jobs run at the same time. */
  readonly atOnce: number;
  readonly jobs: () => readonly Job[];
}

const minutes = 60;

const checks = (...list: Check[]) => ({
  atOnce: 1,
  jobs: (): Job[] =>
    list.map((check) => ({
      name: check.name,
      need: check === shellCheck ? python : undefined,
      run: () => runCheck(check, 5 * minutes),
    })),
});

/** What some files need, by a pattern of their paths. */
const needs: readonly (readonly [RegExp, Need])[] = [
  [/^test\/infra\//, python],
  [/^test\/cli\/publish-killed/, strace],
  [/^test\/contract\/event-patterns/, jdk],
  [/^test\/contract\/kms-local/, localKms],
  [/^test\/contract\/services-emulator/, openssl],
  [/^test\/contract\/.*-live\.test\.ts$/, agents],
  [/^test\/contract\/.*-ministack\.test\.ts$/, ministack],
  [/^test\/packaging\//, lambdaRuntime],
  [/^test\/live\/(example-machine|example-login|static-binaries)/, machinesWithAgents],
  [/^test\/live\//, agents],
  [/^test\/node\/publish\./, machinesWithKms],
  [/^test\/node\//, machines],
];

const fileJob = (file: string, limitSeconds: number): Job => ({
  name: file,
  file,
  need: needs.find(([pattern]) => pattern.test(file))?.[1],
  run: () => runFile(join(root, file), limitSeconds),
});

/** The folders of parts that are more than a process for each file. */
const ownFolders = ["infra", "contract", "packaging", "node", "live"];

const findFiles = (pattern: string): string[] => globSync(pattern, { cwd: root }).toSorted();

const folder = (name: string, limitSeconds: number) => ({
  name,
  jobs: () => findFiles(`test/${name}/**/*.test.ts`).map((file) => fileJob(file, limitSeconds)),
});

/**
 * All parts, in the order in which they run: what is quick and says most comes first. Those of a
 * group run at the same time.
 */
const groups: readonly (readonly Part[])[] = [
  [{ name: "lint", ...checks(formatCheck, lintCheck) }],
  [{ name: "types", ...checks(typeCheck) }],
  [{ name: "shell", ...checks(shellCheck) }],
  [
    {
      name: "unit",
      atOnce: availableParallelism(),
      // Whatever belongs to no other part, so that no file is forgotten.
      jobs: () =>
        findFiles("test/**/*.test.ts")
          .filter((file) => !ownFolders.some((own) => file.startsWith(`test/${own}/`)))
          .map((file) => fileJob(file, 3 * minutes)),
    },
  ],
  [{ ...folder("infra", 5 * minutes), atOnce: availableParallelism() }],
  [{ ...folder("node", 5 * minutes), atOnce: availableParallelism() }],
  [{ ...folder("packaging", 5 * minutes), atOnce: 1 }],
  // Real agents keep their own pace and hardly use the processor: several clusters at once
  // take no longer than one. But nothing that computes may run beside them.
  [
    { ...folder("contract", 10 * minutes), atOnce: 2 },
    { ...folder("live", 10 * minutes), atOnce: 4 },
  ],
];

const parts = groups.flat();

/** Judges what all the others did, so that it comes after them, and never alone. */
const permissions: Part = { name: "permissions", ...checks(permissionCheck) };

/** Asked for something that is no part, test file or folder with test files. */
export class UnknownPart extends Error {
  override readonly name = "UnknownPart";
}

/**
 * The parts that were asked for, by their names or by files and folders; in groups, one after the
 * other.
 *
 * @throws UnknownPart
 */
export const selectParts = (wanted: readonly string[]): readonly (readonly Part[])[] => {
  if (wanted.length === 0) return [...groups, [permissions]];
  const paths = wanted
    .filter((word) => !parts.some(({ name }) => name === word))
    .map((path) => path.replace(/^\.\//, "").replace(/\/$/, ""));
  const isWanted = ({ file }: Job) =>
    file !== undefined && paths.some((path) => file === path || file.startsWith(`${path}/`));
  const select = (part: Part): Part => {
    if (wanted.includes(part.name)) return part;
    const jobs = part.jobs().filter(isWanted);
    return { ...part, jobs: () => jobs };
  };
  const selected = groups.map((group) =>
    group.map(select).filter((part) => part.jobs().length > 0),
  );
  for (const path of paths) {
    const exists = selected
      .flat()
      .some((part) =>
        part.jobs().some(({ file }) => file === path || file?.startsWith(`${path}/`)),
      );
    if (exists) continue;
    const names = parts.map(({ name }) => name).join(", ");
    throw new UnknownPart(`${path} is neither a part (${names}) nor a test file or folder`);
  }
  return selected;
};
