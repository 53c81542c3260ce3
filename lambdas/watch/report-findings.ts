import * as v from "valibot";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import {
  checkedConsul,
  checkedGroups,
  checkedNomad,
  type Finding,
  finding,
  notRun,
  sortFindings,
} from "./findings.ts";
import { explainNotRun, type Part } from "./rules/explain-not-run.ts";

const input = v.object({
  groups: v.union([checkedGroups, notRun]),
  nomad: v.union([checkedNomad, notRun]),
  consul: v.union([checkedConsul, notRun]),
});

/** The output of an execution of the doctor. */
export const doctorReport = v.object({
  errors: v.number(),
  warnings: v.number(),
  findings: v.array(finding),
});
export type DoctorReport = v.InferOutput<typeof doctorReport>;

const count = (findings: readonly Finding[], severity: Finding["severity"]): number =>
  findings.filter((found) => found.severity === severity).length;

/**
 * Puts the findings into one order and counts them. The counts are metrics, also
 * when they are zero: the alarm holds until a later run finds no error.
 */
export const createHandler = (surroundings: Surroundings) =>
  task(surroundings, input, async (parts, { log, metrics }): Promise<DoctorReport> => {
    const findingsOf = (part: Part): Finding[] => {
      const answer = parts[part];
      return "findings" in answer ? answer.findings : [explainNotRun(part, answer)];
    };
    const findings = sortFindings((["groups", "nomad", "consul"] as const).flatMap(findingsOf));
    const errors = count(findings, "error");
    const warnings = count(findings, "warning");
    metrics.report("none", { DoctorErrors: errors, DoctorWarnings: warnings });
    for (const { severity, ...found } of findings) {
      if (severity === "error") log.error(found.what, found);
      if (severity === "warning") log.warn(found.what, found);
    }
    return { errors, warnings, findings };
  });

export const handler = wired(createHandler);
