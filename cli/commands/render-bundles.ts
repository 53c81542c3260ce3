import type { BundlesReport } from "../../lambdas/config/rules/describe-bundles.ts";

const units = ["B", "kB", "MB", "GB"];

const size = (bytes: number | null): string => {
  if (bytes === null) return "removed";
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
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

/** For a person to read. Digests are whole where one may have to be copied. */
export const renderBundles = (report: BundlesReport): string => {
  const { pool, serial, bundles, machines } = report;
  if (bundles.length === 0 && machines.length === 0) return `${pool}: nothing was published yet.\n`;
  const parts = [
    `${pool}, serial ${serial ?? "-"}\n\n`,
    table([
      ["BUNDLE", "IS", "STORED", "SIZE", "MACHINES"],
      ...bundles.map(({ sha256, place, stored, bytes, machines: running }) => [
        sha256,
        place ?? "-",
        stored ?? "-",
        size(bytes),
        String(running.length),
      ]),
    ]),
    `\n${renderHistory(report)}`,
  ];
  const trouble = machines.filter(({ state }) => state !== "ready");
  if (machines.length > 0)
    parts.push(
      `\n${machines.length} machines have reported, by what they said last (they may have ended since).\n`,
      table(
        machines
          .filter(({ state }) => state === "ready")
          .map(({ instanceId, bundle }) => [instanceId, bundle ? short(bundle) : "-"]),
      ),
    );
  if (trouble.length > 0)
    parts.push(
      "\nNot as they should be:\n",
      table(
        trouble.map(({ instanceId, state, bundle, time, reason }) => [
          instanceId,
          state,
          bundle ? short(bundle) : "-",
          time ?? "-",
          reason ?? "-",
        ]),
      ),
    );
  return parts.join("");
};
