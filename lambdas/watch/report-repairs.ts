import * as v from "valibot";
import { dynamoRecords } from "../clients/records.ts";
import { parseSettings } from "../runtime/settings.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import { lookAtAws, plan, repair, runLeaseKey, type ToSettle } from "./reconciliation.ts";

const input = v.object({
  execution: v.string(),
  state: v.object({
    aws: lookAtAws,
    ownership: v.optional(v.array(repair), []),
    plan: v.optional(plan),
    cluster: v.optional(v.unknown()),
    repaired: v.optional(v.array(repair), []),
    /** What Step Functions caught of a part that could not be done. */
    failure: v.optional(v.object({ Error: v.string(), Cause: v.optional(v.string(), "") })),
  }),
});

/** The output of an execution of `reconcile`. */
export interface ReconcileReport {
  readonly mode: "report" | "repair";
  readonly explanation: string;
  readonly findings: readonly string[];
  readonly repairs: readonly v.InferOutput<typeof repair>[];
  /** Of what nothing is known and nothing was decided, or what could not be repaired. */
  readonly unknown: readonly string[];
}

/** Sums a run up, for whoever reads it and for the alarms, and lets the next one begin. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);

  return task(
    surroundings,
    input,
    async ({ execution, state }, { log, metrics }): Promise<ReconcileReport> => {
      const { aws, ownership, plan, repaired, failure } = state;
      const { mode, explanation, orphans, leases, held } = aws;
      const repairs = [...ownership, ...repaired];
      const done = repairs.filter(({ outcome }) => outcome === "repaired");
      const isDone = new Set(done.map(({ instanceId }) => instanceId));
      const isStale = ({ instanceId }: { readonly instanceId: string }) => isDone.has(instanceId);
      const over: ToSettle[] = [
        ...(plan?.settle ?? []),
        ...(plan?.forget ?? [])
          .filter(isStale)
          .map((each) => ({ ...each, phase: "retired" as const })),
        ...(plan?.giveBack ?? [])
          .filter(({ mark }) => isStale(mark))
          .map(({ mark }) => ({ ...mark, phase: "failed" as const })),
      ];
      if (mode === "repair") {
        for (const { instanceId, execution: owner, phase } of over) {
          await records.end(instanceId, owner, phase);
        }
        await records.releaseLease(runLeaseKey, execution);
      }
      const findings = [
        ...orphans.map(({ instanceId, why }) => `${instanceId} waits under its hook. ${why}`),
        ...leases.map(
          ({ key, holder }) => `The slot ${key} is held by ${holder}, which has ended.`,
        ),
        ...(plan?.forget ?? []).map(({ why }) => why),
        ...(plan?.giveBack ?? []).map(
          ({ mark, why }) =>
            `${mark.instanceId} stays in service and its node takes no work. ${why}`,
        ),
        ...(plan?.settle ?? []).map(
          ({ instanceId }) => `Nothing is left of the retirement of ${instanceId} but its record.`,
        ),
        ...(plan?.findings ?? []),
      ];
      const unknown = [
        ...aws.unknown,
        ...(plan?.unknown ?? []),
        // It is still so, as far as anybody knows: the next run looks again.
        ...repairs
          .filter(({ outcome }) => outcome === "failed")
          .map(({ what, why }) => ({ part: what, why })),
        ...(failure
          ? [{ part: "a part of this run", why: `${failure.Error}: ${failure.Cause}` }]
          : []),
      ];
      const capped = plan?.capped ?? 0;
      const begun = ownership.filter(
        ({ outcome, instanceId }) => outcome === "repaired" && instanceId !== undefined,
      );
      metrics.report("none", {
        ...(findings.length > 0 && { ReconcilerFindings: findings.length }),
        ...(done.length > 0 && { ReconcilerRepairs: done.length }),
        ...(begun.length > 0 && { ReconcilerOrphans: begun.length }),
        ...(capped > 0 && { ReconcilerCapped: capped }),
        ...(unknown.length > 0 && { ReconcilerUnknowns: unknown.length }),
      });
      for (const finding of findings) log.warn(finding);
      return {
        mode,
        explanation,
        findings: [
          ...findings,
          ...held.map((id) => `${id} waits under its hook, and is held by its tag.`),
        ],
        repairs,
        unknown: unknown.map(({ part, why }) => `${part}: ${why.slice(0, 500)}`),
      };
    },
  );
};

export const handler = wired(createHandler);
