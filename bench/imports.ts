import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildFunctions } from "../infra/function-code.ts";
import { taskNames } from "../infra/task-names.ts";
import { type Benchmark, type Figure, median } from "./benchmark.ts";

/** What a cold start may take for the code alone. */
const aim = 85;

/** Rounds over all functions, so that a slow minute of the machine does not fall on one alone. */
const rounds = 7;

const importer = `
const begin = performance.now();
await import(process.argv[2]);
process.stdout.write(String(performance.now() - begin));
process.exit();
`;

/** Milliseconds from the start of a process to its end. */
const timeProcess = (run: () => void): number => {
  const begin = performance.now();
  run();
  return performance.now() - begin;
};

/**
 * How long the import of each function's code takes in a fresh process: the part of a cold start
 * that is ours. With source maps, as the functions run.
 */
export const imports: Benchmark = {
  name: "imports",
  run: (report) => {
    const folder = mkdtempSync(join(tmpdir(), "drover-bench-"));
    try {
      for (const { path, contents } of buildFunctions()) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), contents);
      }
      const script = join(folder, "importer.mjs");
      writeFileSync(script, importer);
      writeFileSync(join(folder, "empty.mjs"), "");
      const importFresh = (module: string): number =>
        Number(
          execFileSync(process.execPath, ["--enable-source-maps", script, join(folder, module)], {
            encoding: "utf8",
            env: { AWS_REGION: "eu-west-1" },
          }),
        );
      const starts: number[] = [];
      const times = new Map<string, number[]>(taskNames.map((task) => [task, []]));
      for (let round = 1; round <= rounds; round += 1) {
        report(`round ${round} of ${rounds}`);
        starts.push(timeProcess(() => importFresh("empty.mjs")));
        for (const [task, list] of times) list.push(importFresh(`${task}/index.mjs`));
      }
      const start = median(starts);
      return Promise.resolve(
        taskNames.map((task): Figure => ({
          what: task,
          value: median(times.get(task) ?? []),
          unit: "ms",
          // Tells more than milliseconds on a machine that is slow or busy.
          against: { what: "Node's start", value: start },
          aim,
        })),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
