import type { Step } from "../../lambdas/config/channel.ts";
import type { PoolBundles, ReportedMachine } from "../../lambdas/config/list-bundles.ts";

/** One bundle of a pool, and all that is known of it. */
export interface BundleRow {
  readonly sha256: string;
  readonly place: "current" | "candidate" | "previous" | null;
  /** Of the compressed archive; null when it was removed, and the history still knows it. */
  readonly bytes: number | null;
  /** ISO 8601 in UTC. */
  readonly stored: string | null;
  readonly moves: readonly Step[];
  /** Ids of the instances whose last report names it. */
  readonly machines: readonly string[];
}

export interface MachineRow {
  readonly instanceId: string;
  readonly bundle: string | null;
  readonly state: string;
  readonly time: string | null;
  readonly reason: string | null;
}

/** What `drover bundles --json` prints. */
export interface BundlesReport {
  readonly pool: string;
  readonly serial: number | null;
  readonly issued: string | null;
  /** Those in use first, then the newest first. */
  readonly bundles: readonly BundleRow[];
  readonly machines: readonly MachineRow[];
}

const machineRow = ({ instanceId, report }: ReportedMachine): MachineRow => ({
  instanceId,
  bundle: report?.bundle ?? null,
  state: report?.state ?? "unreadable",
  time: report?.time ?? null,
  reason: report?.reason ?? null,
});

const places = ["current", "candidate", "previous"] as const;

/** Brings channel, archives and reports together. */
export const describeBundles = (
  pool: string,
  { channel, stored, machines }: PoolBundles,
): BundlesReport => {
  const steps = channel?.history ?? [];
  const rows = machines.map(machineRow);
  const newestFirst = stored.toSorted((one, other) => other.stored - one.stored);
  const digests = new Set([
    ...places.map((place) => channel?.[place]),
    ...newestFirst.map(({ sha256 }) => sha256),
    ...steps.toReversed().map(({ sha256 }) => sha256),
    ...rows.map(({ bundle }) => bundle),
  ]);
  return {
    pool,
    serial: channel?.serial ?? null,
    issued: channel?.issued ?? null,
    bundles: [...digests]
      .filter((sha256) => typeof sha256 === "string")
      .map((sha256): BundleRow => {
        const archive = stored.find((each) => each.sha256 === sha256);
        return {
          sha256,
          place: places.find((place) => channel?.[place] === sha256) ?? null,
          bytes: archive?.bytes ?? null,
          stored: archive ? `${new Date(archive.stored).toISOString().slice(0, 19)}Z` : null,
          moves: steps.filter((step) => step.sha256 === sha256),
          machines: rows
            .filter(({ bundle }) => bundle === sha256)
            .map(({ instanceId }) => instanceId),
        };
      }),
    machines: rows,
  };
};

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
