/** Measures, and prints one table: `make bench`, or `make bench ONLY=bundles`. */
import type { Benchmark, Figure } from "./benchmark.ts";
import { bundles } from "./bundles.ts";
import { calls } from "./calls.ts";
import { cost } from "./cost.ts";
import { imports } from "./imports.ts";
import { publish } from "./publish.ts";
import { pull } from "./pull.ts";
import { retireLatency } from "./retire-latency.ts";
import { scale } from "./scale.ts";
import { slots } from "./slots.ts";

const benchmarks: readonly Benchmark[] = [
  bundles,
  imports,
  calls,
  cost,
  slots,
  scale,
  retireLatency,
  pull,
  publish,
];

const round = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(value < 1 ? 2 : value < 10 ? 1 : 0);

const toRow = ({ name }: Benchmark, { what, value, unit, against, aim }: Figure): string[] => [
  name,
  what,
  `${round(value)} ${unit}`,
  against ? `${(value / against.value).toFixed(2)} × ${against.what}` : "",
  aim === undefined ? "" : `${value <= aim ? "met" : "MISSED"}: ≤ ${aim} ${unit}`,
];

const print = (rows: readonly string[][]): void => {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    const cells = row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0));
    process.stdout.write(`${cells.join("  ").trimEnd()}\n`);
  }
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((word) => !benchmarks.some(({ name }) => name === word));
if (unknown.length > 0) {
  const names = benchmarks.map(({ name }) => name).join(", ");
  process.stderr.write(`there is no benchmark ${unknown.join(", ")}: there are ${names}\n`);
  process.exitCode = 2;
} else {
  const rows = [["benchmark", "what", "value", "ratio", "aim"]];
  for (const benchmark of benchmarks) {
    if (wanted.length > 0 && !wanted.includes(benchmark.name)) continue;
    const report = (line: string) => process.stderr.write(`${benchmark.name}: ${line}\n`);
    for (const figure of await benchmark.run(report)) rows.push(toRow(benchmark, figure));
  }
  print(rows);
}
