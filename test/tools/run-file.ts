import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type Ended, runCommand } from "./commands.ts";
import type { Failure, Outcome } from "./outcome.ts";
import type { TestLine } from "./reporter.ts";

const root = join(import.meta.dirname, "..", "..");

const readLines = async (path: string): Promise<TestLine[]> => {
  try {
    const text = await readFile(path, "utf8");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as TestLine);
  } catch {
    // It died before it had a test to report.
    return [];
  }
};

/** What is wrong with the file as a whole, beside its tests. */
const judge = (ended: Ended, lines: readonly TestLine[], limitSeconds: number) => {
  if (ended.timedOut) {
    return `was still running after ${limitSeconds} s: a test hangs, or left something open`;
  }
  const failed = lines.some(({ result }) => result === "failed");
  if (ended.code !== 0 && !failed) return `ended with ${ended.code ?? "a signal"}`;
  if (lines.length === 0) return "holds no test";
  return undefined;
};

/** Runs one test file in a process of its own. */
export const runFile = async (file: string, limitSeconds: number): Promise<Outcome> => {
  const folder = await mkdtemp(join(tmpdir(), "drover-test-"));
  const report = join(folder, "report");
  // A test of this very runner runs within a test.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  try {
    const reporter = join(import.meta.dirname, "reporter.ts");
    // Whatever world a test makes, what its functions may call is what their policies say.
    const authority = join(import.meta.dirname, "..", "iam", "appoint.ts");
    const ended = await runCommand(
      process.execPath,
      [
        `--import=${authority}`,
        `--test-reporter=${reporter}`,
        `--test-reporter-destination=${report}`,
        file,
      ],
      { limitSeconds, env, cwd: root },
    );
    return summarise(relative(root, file), ended, await readLines(report), limitSeconds);
  } finally {
    await rm(folder, { recursive: true });
  }
};

const summarise = (
  file: string,
  ended: Ended,
  lines: readonly TestLine[],
  limitSeconds: number,
): Outcome => {
  const nameOf = ({ path }: TestLine) => [file, ...path].join(" › ");
  const of = (result: TestLine["result"]) => lines.filter((line) => line.result === result);
  const failures: Failure[] = of("failed").map((line) => ({
    where: nameOf(line),
    details: line.details ?? "",
  }));
  const whole = judge(ended, lines, limitSeconds);
  if (whole !== undefined) failures.push({ where: file, details: whole });
  const last = failures.at(-1);
  if (last && ended.output.trim() !== "") {
    const details = `${last.details}\n\nThe file wrote:\n${ended.output.trimEnd()}`;
    failures[failures.length - 1] = { where: last.where, details };
  }
  return {
    passed: of("passed").length,
    failures,
    skipped: of("skipped").map((line) => ({ where: nameOf(line), reason: line.details ?? "" })),
  };
};
