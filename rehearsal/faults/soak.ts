import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { addCounts, type MatrixCounts, noCounts } from "../coverage/matrix.ts";
import type { SeedAnswer, SeedOrder } from "./seed-worker.ts";
import type { Finding } from "./trial.ts";

export interface SoakProgress {
  readonly done: number;
  readonly seeds: number;
  readonly failures: number;
  /** Real seconds since the beginning. */
  readonly seconds: number;
}

export interface SoakOptions {
  readonly firstSeed: number;
  /** How many of them, one after the other. */
  readonly seeds: number;
  readonly faults: readonly string[];
  /** Processes. @default one for each processor */
  readonly workers?: number;
  /** Modules that each process loads first, as those that say what functions may do. @default none */
  readonly preload?: readonly string[];
  readonly onProgress?: (progress: SoakProgress) => void;
  /** Is told of each seed that broke something, as soon as it is looked into. */
  readonly onFinding?: (finding: Finding) => void;
}

export interface SoakResult {
  readonly seeds: number;
  /** By their seeds. */
  readonly findings: readonly Finding[];
  /** Which faults struck in which states. */
  readonly coverage: MatrixCounts;
  readonly seconds: number;
}

/** So many seeds a worker gets at once: few enough that none waits long for the last one. */
const atOnce = 10;

/** Looking into one takes a hundred runs; of many that fail, most do so for the same reason. */
const mostExamined = 5;

const startWorker = (preload: readonly string[]): ChildProcess => {
  const here = fileURLToPath(import.meta.url);
  const file = new URL(`./seed-worker${extname(here)}`, import.meta.url);
  const execArgv = preload.map((module) => `--import=${module}`);
  // Whatever this process was started with, to be debugged or tested, is not meant for it.
  return fork(file, { env: { ...process.env, DROVER_SEED_WORKER: "yes" }, execArgv });
};

/**
 * Rehearses many seeds with faults, in several processes: virtual time is one a
 * process.
 *
 * @throws when a worker ends before its work is done
 */
export const soak = async (options: SoakOptions): Promise<SoakResult> => {
  const { firstSeed, seeds, faults } = options;
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  const findings: Finding[] = [];
  const coverage = noCounts();
  let next = firstSeed;
  let done = 0;
  let refused = false;

  const work = async (): Promise<void> => {
    const worker = startWorker(options.preload ?? []);
    let isOver = false;
    try {
      await new Promise<void>((resolve, reject) => {
        let waiting = 0;
        const order = (): void => {
          const many = Math.min(atOnce, firstSeed + seeds - next);
          if (many <= 0) {
            resolve();
            return;
          }
          const batch = Array.from({ length: many }, (_, index) => next + index);
          next += many;
          waiting = many;
          const mayExamine = Math.max(0, mostExamined - findings.length);
          worker.send({ seeds: batch, faults, mayExamine } satisfies SeedOrder);
        };
        worker.on("message", ({ finding, coverage: struck }: SeedAnswer) => {
          done += 1;
          addCounts(coverage, struck);
          waiting -= 1;
          if (finding) {
            findings.push(finding);
            options.onFinding?.(finding);
          }
          options.onProgress?.({ done, seeds, failures: findings.length, seconds: seconds() });
          if (waiting === 0) order();
        });
        worker.once("error", reject);
        worker.once("exit", (code, signal) =>
          reject(new Error(`a process that rehearsed seeds ended with ${code ?? signal}`)),
        );
        order();
      });
      isOver = true;
    } finally {
      worker.removeAllListeners("exit");
      if (worker.exitCode === null && worker.signalCode === null) {
        const ended = once(worker, "exit");
        // It ends by itself when nobody talks to it, and says what it has to say before.
        if (isOver) worker.disconnect();
        else worker.kill();
        const [code] = (await ended) as [number | null];
        if (isOver && code !== 0) refused = true;
      }
    }
  };

  const workers = Math.min(options.workers ?? availableParallelism(), Math.ceil(seeds / atOnce));
  await Promise.all(Array.from({ length: workers }, work));
  if (refused) throw new Error("a process that rehearsed seeds was not content: see its output");
  return {
    seeds,
    findings: findings.toSorted((one, other) => one.seed - other.seed),
    coverage,
    seconds: seconds(),
  };
};
