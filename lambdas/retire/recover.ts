import * as v from "valibot";
import { type AutoScaling, autoScalingClient } from "../clients/auto-scaling.ts";
import { dynamoRecords } from "../clients/records.ts";
import { InputRefused } from "../runtime/errors.ts";
import { describeIssues, parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { currentHook } from "./current-hook.ts";
import { actionOf } from "./heartbeat.ts";
import { finishedRetirement } from "./record-retirement.ts";

/**
 * What Step Functions puts in `$.error` when it catches: the name, and the text
 * of the error, which for a function is the JSON that Lambda made of it.
 */
const caught = v.object({ Error: v.string(), Cause: v.optional(v.string(), "") });

const owned = v.object({ ...finishedRetirement.entries, error: v.optional(caught) });
/** An error before anybody owned the instance leaves nothing but itself: nothing was taken yet. */
const input = v.looseObject({ error: v.optional(caught) });

interface Failure {
  readonly error: string;
  readonly cause: string;
}

const messageOf = (cause: string): string => {
  try {
    const parsed: unknown = JSON.parse(cause);
    const message = (parsed as { errorMessage?: unknown } | null)?.errorMessage;
    return typeof message === "string" ? message : cause;
  } catch {
    return cause;
  }
};

const whyOf = (known: v.InferOutput<typeof owned>): Failure => {
  const { node, error } = known;
  if (node?.next === "refuse") return { error: "ServerRefused", cause: node.explanation };
  if (node?.next === "give-up") return { error: "HookRunsOut", cause: node.explanation };
  return { error: error?.Error ?? "Unknown", cause: messageOf(error?.Cause ?? "") };
};

const decideHook = async (
  autoScaling: AutoScaling,
  known: v.InferOutput<typeof owned>,
): Promise<string> => {
  if (known.completion && known.completion.decision !== "held")
    return "The hook was decided before.";
  const action = actionOf(known);
  if (!action) return "There was no hook to decide; the instance was not terminated.";
  // ABANDON keeps the instance where the group's lifecycle policy retains abandoned
  // ones, which is what `retain` asks for.
  const result = known.settings.onDrainFailure === "retain" ? "ABANDON" : "CONTINUE";
  return (await autoScaling.complete(action, result))
    ? `The hook is decided: ${result}.`
    : "The hook was over already.";
};

/**
 * The way out of everything that no step foresaw. The hook is decided as the
 * pool says, the slot is given back, and what only Nomad could give back is
 * recorded for whoever looks after it.
 */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  const autoScaling = autoScalingClient(surroundings);

  return task(surroundings, input, async (state, { log, metrics }): Promise<Failure> => {
    const parsed = v.safeParse(owned, state);
    if (!parsed.success) {
      if (!state.error) throw new InputRefused(describeIssues(parsed.issues));
      return { error: state.error.Error, cause: messageOf(state.error.Cause) };
    }
    const known = parsed.output;
    const why = whyOf(known);
    const hook = await currentHook(records, known);
    const decision = await decideHook(autoScaling, { ...known, hook });
    await Promise.all(
      (known.slot?.leases ?? []).map((key) => records.releaseLease(key, known.execution)),
    );
    // Started by hand and not let go: the instance runs on, and is to be remembered.
    const isStaying = !hook && (!known.completion || known.completion.decision === "held");
    const left = [
      ...(known.cordon?.by === "drover" && known.node?.id
        ? [`cordon of node ${known.node.id}`]
        : []),
      ...(known.forgotten?.done || isStaying
        ? []
        : [`whatever Nomad and Consul remember of ${known.instanceId}`]),
    ];
    await records.end(known.instanceId, known.execution, "failed", left);
    metrics.report(known.pool, {
      RetirementsFailed: 1,
      ...(known.drain?.outcome === "forced" && { ForcedDrains: 1 }),
    });
    log.error("the retirement failed", { why, decision, left });
    return { error: why.error, cause: `${why.cause} ${decision}` };
  });
};

export const handler = wired(createHandler);
