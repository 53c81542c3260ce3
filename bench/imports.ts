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

/** Milliseconds that Node takes to start, and that each function's code takes to be imported then. */
export interface ImportTimes {
  readonly start: number;
  readonly times: ReadonlyMap<string, number>;
}

/** Measures several rounds, each import in a fresh process, with source maps as the functions run. */
export const timeImports = (
  tasks: readonly string[],
  rounds: number,
  report: (line: string) => void,
): ImportTimes => {
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
    const times = new Map<string, number[]>(tasks.map((task) => [task, []]));
    for (let round = 1; round <= rounds; round += 1) {
      report(`round ${round} of ${rounds}`);
      starts.push(timeProcess(() => importFresh("empty.mjs")));
      for (const [task, list] of times) list.push(importFresh(`${task}/index.mjs`));
    }
    return {
      start: median(starts),
      times: new Map([...times].map(([task, list]) => [task, median(list)])),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/**
 * How long the import of each function's code takes in a fresh process: the part
 * of a cold start that is ours.
 */
export const imports: Benchmark = {
  name: "imports",
  run: (report) => {
    const { start, times } = timeImports(taskNames, rounds, report);
    return Promise.resolve(
      [...times].map(([task, value]): Figure => ({
        what: task,
        value,
        unit: "ms",
        // Tells more than milliseconds on a machine that is slow or busy.
        against: { what: "Node's start", value: start },
        aim,
      })),
    );
  },
};
