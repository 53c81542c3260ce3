/**
 * Runs the tests, part by part: `npm test`, `npm test -- unit`, `npm test -- test/lambdas/retire`.
 *
 * The last line is `N passed, N failed`. With CI set, a test that did not run has failed.
 */
import { runSome } from "./commands.ts";
import { Missing } from "./needs.ts";
import { addUp, countSkippedAsFailed, type Outcome } from "./outcome.ts";
import { type Part, selectParts, UnknownPart } from "./parts.ts";

const print = (line: string) => process.stdout.write(`${line}\n`);
const progress = (line: string) => process.stderr.write(`  ${line}\n`);
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** @returns why the part cannot run; undefined when all is there */
const prepare = async ({ needs }: Part): Promise<string | undefined> => {
  for (const need of needs) {
    const begin = performance.now();
    let told = false;
    const report = (line: string) => {
      told = true;
      progress(line);
    };
    try {
      await need.prepare(report);
    } catch (error) {
      if (error instanceof Missing) return error.message;
      throw error;
    }
    if (told) progress(`${need.name} took ${seconds(begin)}`);
  }
  return undefined;
};

const isStrict = (process.env["CI"] ?? "") !== "" && process.env["CI"] !== "false";

const run = async (part: Part): Promise<Outcome> => {
  const missing = await prepare(part);
  const begin = performance.now();
  const found =
    missing === undefined
      ? addUp(await runSome(part.jobs(), part.atOnce, (job) => job.run()))
      : { passed: 0, failures: [], skipped: [{ where: part.name, reason: missing }] };
  const outcome = isStrict ? countSkippedAsFailed(found) : found;
  const { passed, failures, skipped } = outcome;
  const counts = [
    `${passed} passed`.padStart(12),
    failures.length > 0 ? `${failures.length} failed` : "",
    skipped.length > 0 ? `${skipped.length} did not run` : "",
  ].filter((count) => count !== "");
  print(`${part.name.padEnd(10)} ${seconds(begin).padStart(8)} ${counts.join(", ")}`);
  return outcome;
};

const runAll = async (): Promise<void> => {
  const outcomes: Outcome[] = [];
  for (const part of selectParts(process.argv.slice(2))) outcomes.push(await run(part));
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
