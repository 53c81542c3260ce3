import type { PublishReport } from "../../rehearsal/scenarios/publish.ts";
import { renderFaults, renderVerdicts } from "./render-report.ts";

const nameOf = ({ bundles }: PublishReport, sha256: string | null): string => {
  if (sha256 === null) return "–";
  const found = Object.entries(bundles).find(([, digest]) => digest === sha256);
  return found?.[0] ?? sha256.slice(0, 12);
};

const headings = ["machine", "started", "assigned", "runs", "serial", "report", "node"] as const;

const rowsOf = (report: PublishReport): string[][] =>
  report.machines.map(({ instanceId, wave, assigned, bundle, serial, state, ...machine }) => [
    instanceId,
    wave,
    nameOf(report, assigned),
    `${nameOf(report, bundle)}${machine.isOutdated ? " (outdated)" : ""}`,
    serial === null ? "–" : String(serial),
    state ?? "–",
    machine.isReady ? "ready" : "–",
  ]);

const layOut = (rows: readonly (readonly string[])[]): string[] => {
  const widths = headings.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
};

/** The channel as it lies in the bucket, which somebody may have put there who may not. */
const renderChannel = (report: PublishReport): string => {
  const { channel, machines, pool } = report;
  const seen = Math.max(0, ...machines.map(({ serial }) => serial ?? 0));
  const isOld = channel.serial !== null && channel.serial < seen;
  return (
    `The channel of ${pool}, as it lies in the bucket, has serial ${channel.serial ?? "–"}: current ${nameOf(report, channel.current)}, candidate ${nameOf(report, channel.candidate)}, before ${nameOf(report, channel.previous)}.` +
    (isOld ? ` It is an old one, put back: a machine has seen serial ${seen}.` : "")
  );
};

const renderVerdict = ({ invariants, neverStruck = [] }: PublishReport): string => {
  const broken = invariants.filter(({ held }) => !held).length;
  const verdict =
    broken === 0
      ? "all invariants held"
      : `${broken} of ${invariants.length} invariants were broken`;
  return neverStruck.length > 0
    ? `${verdict}; never struck: ${neverStruck.join(", ")}.`
    : `${verdict}.`;
};

/** What was found, for a person: one row a machine, one line an invariant. */
export const renderPublishReport = (report: PublishReport): string => {
  const { invariants, machines, seed, virtualSeconds, wallSeconds } = report;
  const outdated = machines.filter(({ isOutdated }) => isOutdated).length;
  const ready = machines.filter(({ isReady }) => isReady);
  const kept = ready.filter(({ state }) => state === "kept").length;
  return [
    "",
    ...layOut([headings, ...rowsOf(report)]),
    "",
    ...(report.faults ? renderFaults(report.faults) : []),
    ...renderVerdicts(invariants),
    "",
    renderChannel(report),
    `${ready.length} of ${machines.length} machines are ready${kept > 0 ? ` (${kept} of them kept what it had)` : ""}, ${outdated} of them outdated, after ${virtualSeconds} s, rehearsed in ${wallSeconds} s (seed ${seed}): ${renderVerdict(report)}`,
    "",
  ].join("\n");
};
