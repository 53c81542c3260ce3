import type { Strike } from "../../rehearsal/faults/apply.ts";
import type { Verdict } from "../../rehearsal/invariants/evidence.ts";
import type { Report, RetiredInstance } from "../../rehearsal/report.ts";

const headings = [
  "instance",
  "drain",
  "hook",
  "to drain",
  "drain",
  "to hook",
  "to forgotten",
  "nomad",
  "consul",
  "aws",
  "transitions",
] as const;

/** Columns that hold words and not figures. */
const words = 3;

const seconds = (value: number | null): string => (value === null ? "–" : `${value.toFixed(1)} s`);

const rowOf = ({
  instanceId,
  drain,
  hook,
  seconds: spans,
  calls,
  transitions,
}: RetiredInstance) => [
  instanceId,
  drain,
  hook ?? "–",
  seconds(spans.toDrain),
  seconds(spans.drain),
  seconds(spans.toHook),
  seconds(spans.toForgotten),
  String(calls.nomad),
  String(calls.consul),
  String(calls.aws),
  String(transitions),
];

const layOut = (rows: readonly (readonly string[])[]): string[] => {
  const widths = headings.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column < words ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd(),
  );
};

/** At most so many violations of one invariant are told to a person. */
const mostViolations = 10;

/** What struck, and when. */
export const renderFaults = (strikes: readonly Strike[]): string[] => {
  if (strikes.length === 0) return ["no fault struck", ""];
  return [
    ...strikes.map(({ fault, at, lasts, what }) =>
      [
        `${(at / 1000).toFixed(1).padStart(8)} s  ${fault}`,
        what && `: ${what}`,
        lasts !== undefined && ` (for ${(lasts / 1000).toFixed(1)} s)`,
      ]
        .filter(Boolean)
        .join(""),
    ),
    "",
  ];
};

/** One line an invariant, and one for each violation of it. */
export const renderVerdicts = (invariants: readonly Verdict[]): string[] =>
  invariants.flatMap(({ name, held, violations, reported = [] }) => [
    `${held ? "held  " : "BROKEN"}  ${name}`,
    ...violations.slice(0, mostViolations).map((violation) => `          ${violation}`),
    ...(violations.length > mostViolations
      ? [`          … and ${violations.length - mostViolations} more (--json has them all)`]
      : []),
    ...reported.map((each) => `          (${each})`),
  ]);

/** A report for a person: one row an instance, one line an invariant. */
export const renderReport = (report: Report): string => {
  const rows = report.retired.map(rowOf);
  const broken = report.invariants.filter(({ held }) => !held).length;
  return [
    "",
    ...layOut([headings, ...rows]),
    "",
    ...(report.faults ? renderFaults(report.faults) : []),
    ...renderVerdicts(report.invariants),
    "",
    `${report.retired.length} of ${report.nodes} instances left in ${report.virtualSeconds} s, rehearsed in ${report.wallSeconds} s (seed ${report.seed}): ${
      broken === 0
        ? "all invariants held."
        : `${broken} of ${report.invariants.length} invariants were broken.`
    }`,
    "",
  ].join("\n");
};
