import * as v from "valibot";
import { dynamoRecords } from "../clients/records.ts";
import { parseSettings } from "../runtime/settings.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import { lookAtAws, repair, runLeaseKey } from "./reconciliation.ts";

const input = v.object({
  execution: v.string(),
  state: v.object({ aws: lookAtAws, ownership: v.optional(v.array(repair), []) }),
});

/** The output of an execution of `reconcile`. */
export interface ReconcileReport {
  readonly mode: "report" | "repair";
  readonly explanation: string;
  readonly findings: readonly string[];
  readonly repairs: readonly v.InferOutput<typeof repair>[];
  /** Of what nothing is known, and nothing was decided. */
  readonly unknown: readonly string[];
}

/** Sums a run up, for whoever reads it and for the alarms, and lets the next one begin. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);

  return task(
    surroundings,
    input,
    async ({ execution, state: { aws, ownership } }, { metrics }): Promise<ReconcileReport> => {
      const { mode, explanation, orphans, leases, held, unknown } = aws;
      if (mode === "repair") await records.releaseLease(runLeaseKey, execution);
      const findings = [
        ...orphans.map(({ instanceId, why }) => `${instanceId} waits under its hook. ${why}`),
        ...leases.map(
          ({ key, holder }) => `The slot ${key} is held by ${holder}, which has ended.`,
        ),
        ...held.map((id) => `${id} waits under its hook, and is held by its tag.`),
      ];
      const repaired = ownership.filter(({ outcome }) => outcome === "repaired");
      metrics.report("none", {
        ...(findings.length > held.length && { ReconcilerFindings: findings.length - held.length }),
        ...(repaired.length > 0 && { ReconcilerRepairs: repaired.length }),
        ...(orphans.length > 0 && { ReconcilerOrphans: orphans.length }),
        ...(unknown.length > 0 && { ReconcilerUnknowns: unknown.length }),
      });
      return {
        mode,
        explanation,
        findings,
        repairs: ownership,
        unknown: unknown.map(({ part, why }) => `${part}: ${why}`),
      };
    },
  );
};

export const handler = wired(createHandler);
