/**
 * Runs the tests, part by part: `npm test`, `npm test -- unit`, `npm test -- test/lambdas/retire`.
 *
 * The last line is `N passed, N failed`. With CI set, a test that did not run has failed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { journalVariable } from "../iam/journal.ts";
import { runSome } from "./commands.ts";
import { Missing, type Need } from "./needs.ts";
import { addUp, countSkippedAsFailed, type Outcome } from "./outcome.ts";
import { type Part, selectParts, UnknownPart } from "./parts.ts";

const print = (line: string) => process.stdout.write(`${line}\n`);
const progress = (line: string) => process.stderr.write(`  ${line}\n`);
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** @returns why there is none of it; undefined when it is there */
const prepare = async ({ name, prepare: get }: Need): Promise<string | undefined> => {
  const begin = performance.now();
  let told = false;
  try {
    await get((line) => {
      told = true;
      progress(line);
    });
  } catch (error) {
    if (error instanceof Missing) return error.message;
    throw error;
  }
  if (told) progress(`${name} took ${seconds(begin)}`);
  return undefined;
};

/** By need, so that each is prepared once, and while nothing else runs. */
const missing = new Map<Need, string | undefined>();

const prepareAll = async (group: readonly Part[]): Promise<void> => {
  for (const { need } of group.flatMap((part) => part.jobs())) {
    if (need && !missing.has(need)) missing.set(need, await prepare(need));
  }
};

const isStrict = (process.env["CI"] ?? "") !== "" && process.env["CI"] !== "false";

/** Long enough to be worth a line of its own. */
const slowMilliseconds = 15_000;

const run = async (part: Part): Promise<Outcome> => {
  const begin = performance.now();
  const slow: string[] = [];
  const outcomes = await runSome(part.jobs(), part.atOnce, async (job): Promise<Outcome> => {
    const reason = job.need && missing.get(job.need);
    if (reason !== undefined) {
      return { passed: 0, failures: [], skipped: [{ where: job.name, reason }] };
    }
    const jobBegin = performance.now();
    const outcome = await job.run();
    if (performance.now() - jobBegin > slowMilliseconds) {
      slow.push(`${job.name} took ${seconds(jobBegin)}`);
    }
    return outcome;
  });
  const found = addUp(outcomes);
  const outcome = isStrict ? countSkippedAsFailed(found) : found;
  const { passed, failures, skipped } = outcome;
  const counts = [
    `${passed} passed`.padStart(12),
    failures.length > 0 ? `${failures.length} failed` : "",
    skipped.length > 0 ? `${skipped.length} did not run` : "",
  ].filter((count) => count !== "");
  print(`${part.name.padEnd(10)} ${seconds(begin).padStart(8)} ${counts.join(", ")}`);
  for (const line of slow) progress(line);
  return outcome;
};

const runParts = async (wanted: readonly string[]): Promise<Outcome[]> => {
  const outcomes: Outcome[] = [];
  for (const group of selectParts(wanted)) {
    await prepareAll(group);
    outcomes.push(...(await Promise.all(group.map(run))));
  }
  return outcomes;
};

/** Runs everything; each process leaves the permissions that it used in a new folder. */
const runEverything = async (): Promise<Outcome[]> => {
  const folder = await mkdtemp(join(tmpdir(), "drover-permissions-"));
  process.env[journalVariable] = folder;
  try {
    return await runParts([]);
  } finally {
    await rm(folder, { recursive: true });
  }
};

const runAll = async (): Promise<void> => {
  const wanted = process.argv.slice(2);
  const outcomes = await (wanted.length === 0 ? runEverything() : runParts(wanted));
  const { passed, failures, skipped } = addUp(outcomes);
  for (const { where, details } of failures) print(`\nFAILED ${where}\n${details}`);
  if (skipped.length > 0) print("");
  for (const { where, reason } of skipped) print(`did not run: ${where}: ${reason}`);
  print(`\n${passed} passed, ${failures.length} failed`);
  process.exitCode = failures.length > 0 ? 1 : 0;
};

try {
  await runAll();
} catch (error) {
  if (!(error instanceof UnknownPart)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
