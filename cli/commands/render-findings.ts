import type { DoctorReport } from "../../lambdas/watch/report-findings.ts";
import type { Finding, Severity } from "../../lambdas/watch/findings.ts";
import { counted } from "./counted.ts";

const titles: Readonly<Record<Severity, string>> = {
  error: "Errors",
  warning: "Warnings",
  ok: "Right",
};

/** Columns of a line before it is broken; what cannot be broken may be longer. */
const width = 100;

/** Breaks a text at blanks, but for those of a command in backticks, which is to be copied. */
const wrap = (text: string, first: string, rest: string): string => {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.match(/\S*`[^`]+`\S*|\S+/g) ?? []) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].join("\n");
};

/** Findings for a person: the worst first, each with what to do. */
export const renderFindings = ({ findings, errors, warnings }: DoctorReport): string => {
  const checkWidth = Math.max(0, ...findings.map(({ check }) => check.length));
  const indent = " ".repeat(2 + checkWidth + 2);
  const render = ({ check, subject, what, remedy }: Finding): string[] => [
    wrap(`${subject}: ${what}`, `  ${check.padEnd(checkWidth)}  `, indent),
    ...(remedy === null ? [] : [wrap(remedy, `${indent}→ `, `${indent}  `)]),
  ];
  const groups = (["error", "warning", "ok"] as const)
    .map((severity) => ({ severity, own: findings.filter((one) => one.severity === severity) }))
    .filter(({ own }) => own.length > 0)
    .map(({ severity, own }) => [titles[severity], ...own.flatMap(render), ""].join("\n"));
  const verdict =
    errors > 0 || warnings > 0
      ? `${counted(errors, "error")}, ${counted(warnings, "warning")}.`
      : `All ${findings.length} checks are fine.`;
  return `${[...groups, verdict].join("\n")}\n`;
};
