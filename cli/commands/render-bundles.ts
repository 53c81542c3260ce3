import type { BundlesReport, MachineRow } from "../../lambdas/config/rules/describe-bundles.ts";
import { counted } from "./counted.ts";

const units = ["B", "kB", "MB", "GB"];

/** A size as it reads after rounding: what would be 1000.0 kB is 1.0 MB. */
const size = (bytes: number | null): string => {
  if (bytes === null) return "removed";
  let [value, power] = [bytes, 0];
  while (value >= (power === 0 ? 1000 : 999.95) && power < units.length - 1) {
    value /= 1000;
    power += 1;
  }
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
};

const short = (sha256: string): string => sha256.slice(0, 12);

const table = (rows: readonly (readonly string[])[]): string => {
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
};

const renderList = ({ bundles }: BundlesReport): string =>
  table([
    ["BUNDLE", "IS", "STORED", "SIZE", "MACHINES"],
    ...bundles.map(({ sha256, place, stored, bytes, machines }) => [
      sha256,
      place ?? "-",
      stored ?? "-",
      size(bytes),
      String(machines.length),
    ]),
  ]);

const renderHistory = ({ bundles }: BundlesReport): string => {
  const steps = bundles
    .flatMap(({ moves }) => moves)
    .toSorted((one, other) => other.serial - one.serial);
  return table([
    ["SERIAL", "TIME", "MOVE", "BUNDLE", "SOURCE", "BY"],
    ...steps.map(({ serial, time, move, sha256, revision, who }) => [
      String(serial),
      time,
      move,
      short(sha256),
      revision ?? "-",
      who,
    ]),
  ]);
};

const renderReady = (machines: readonly MachineRow[]): string =>
  table([
    ["INSTANCE", "BUNDLE", "REPORTED"],
    ...machines.map(({ instanceId, bundle, time }) => [
      instanceId,
      bundle === null ? "-" : short(bundle),
      time ?? "-",
    ]),
  ]);

const renderTrouble = (machines: readonly MachineRow[]): string =>
  table([
    ["INSTANCE", "STATE", "BUNDLE", "REPORTED", "REASON"],
    ...machines.map(({ instanceId, state, bundle, time, reason }) => [
      instanceId,
      state,
      bundle === null ? "-" : short(bundle),
      time ?? "-",
      reason ?? "-",
    ]),
  ]);

const renderMachines = (machines: readonly MachineRow[]): string[] => {
  const ready = machines.filter(({ state }) => state === "ready");
  const trouble = machines.filter(({ state }) => state !== "ready");
  const count = counted(machines.length, "machine");
  return [
    machines.length === 1
      ? `${count} has reported; what it said last (it may have ended since):\n`
      : `${count} have reported; what they said last (some may have ended since):\n`,
    ...(ready.length > 0 ? [renderReady(ready)] : []),
    ...(trouble.length > 0
      ? [`Not as ${trouble.length === 1 ? "it" : "they"} should be:\n`, renderTrouble(trouble)]
      : []),
  ];
};

/** For a person to read. Digests are whole where one may have to be copied. */
export const renderBundles = (report: BundlesReport): string => {
  const { pool, serial, bundles, machines } = report;
  const isPublished = bundles.length > 0;
  const hasHistory = bundles.some(({ moves }) => moves.length > 0);
  return [
    isPublished ? `${pool}, serial ${serial ?? "-"}\n` : `${pool}: nothing was published yet.\n`,
    ...(isPublished ? [renderList(report)] : []),
    ...(hasHistory ? [renderHistory(report)] : []),
    ...(machines.length > 0 ? renderMachines(machines) : []),
  ].join("\n");
};
