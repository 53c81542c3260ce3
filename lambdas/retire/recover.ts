import * as v from "valibot";
import { type AutoScaling, autoScalingClient } from "../clients/auto-scaling.ts";
import { dynamoRecords } from "../clients/records.ts";
import { rightSettings } from "../runtime/pool-settings.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { actionOf } from "./heartbeat.ts";
import { finishedRetirement } from "./record-retirement.ts";
import { decideHook } from "./rules/decide-hook.ts";

/**
 * What Step Functions puts in `$.error` when it catches: the name, and the text
 * of the error, which for a function is the JSON that Lambda made of it.
 */
const caught = v.object({ Error: v.string(), Cause: v.optional(v.string(), "") });

/** Nothing is asked of the retirement itself: whatever is wrong with it, its hook is to be decided. */
const input = v.object({ retirement: v.record(v.string(), v.unknown()), execution: v.string() });

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

type Finished = v.InferOutput<typeof finishedRetirement>;
type Known = Pick<Finished, "settings"> & Partial<Finished>;

/**
 * What can be understood of a retirement. That one part of it cannot must keep
 * nobody from deciding the hook; before the ownership it is an order.
 */
const readKnown = (state: Readonly<Record<string, unknown>>): Known => {
  const right = Object.entries(finishedRetirement.entries).flatMap(([name, schema]) => {
    const parsed = v.safeParse(schema, state[name]);
    return parsed.success && parsed.output !== undefined ? [[name, parsed.output] as const] : [];
  });
  return {
    settings: rightSettings(state["settings"]),
    ...(Object.fromEntries(right) as Partial<Finished>),
  };
};

const whyOf = ({ node }: Known, error: v.InferOutput<typeof caught> | undefined): Failure => {
  if (node?.next === "refuse") return { error: "ServerRefused", cause: node.explanation };
  if (node?.next === "give-up") return { error: "HookRunsOut", cause: node.explanation };
  return { error: error?.Error ?? "Unknown", cause: messageOf(error?.Cause ?? "") };
};

const endHook = async (
  autoScaling: AutoScaling,
  { completion, settings, ...known }: Known & { readonly instanceId: string },
): Promise<string> => {
  if (completion && completion.decision !== "held") return "The hook was decided before.";
  const { group, hook = null } = known;
  const action = group === undefined ? undefined : actionOf({ ...known, group, hook });
  if (!action) return "There was no hook to decide; the instance was not terminated.";
  const result = decideHook(settings, true);
  return (await autoScaling.complete(action, result))
    ? `The hook is decided: ${result}.`
    : "The hook was over already.";
};

/**
 * The way out of everything that no step foresaw. The hook is decided as the
 * pool says, the slot is given back, and what only Nomad could give back is
 * recorded for whoever looks after it. What is not understood of the retirement
 * is taken from the record; an instance that another execution has is left to it.
 */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  const autoScaling = autoScalingClient(surroundings);

  return task(surroundings, input, async (given, { log, metrics }): Promise<Failure> => {
    const { retirement: state, execution } = given;
    const told = readKnown(state);
    const error = v.safeParse(caught, state["error"]);
    const why = whyOf(told, error.success ? error.output : undefined);
    const { instanceId } = told;
    // Nobody can say whose hook it would be: this was no order of ours.
    if (instanceId === undefined) return why;
    const record = await records.read(instanceId);
    const isOurs = record?.execution === execution;
    if (record?.phase === "retiring" && !isOurs) {
      return { error: why.error, cause: `${why.cause} ${record.execution} handles the instance.` };
    }
    const known = {
      ...(isOurs && { group: record.group, pool: record.pool }),
      ...told,
      instanceId,
      // Another event of the same instance may have brought one since.
      hook: (isOurs ? record.hook : null) ?? told.hook ?? null,
    };
    // A person's order, before anybody owned the instance: nothing was taken yet.
    if (known.group === undefined) return why;
    const decision = await endHook(autoScaling, known);
    await Promise.all(
      (known.slot?.leases ?? []).map((key) => records.releaseLease(key, execution)),
    );
    // Started by hand and not let go: the instance runs on, and is to be remembered.
    const isStaying = !known.hook && (!known.completion || known.completion.decision === "held");
    const left = [
      ...(known.cordon?.by === "drover" && known.node?.id
        ? [`cordon of node ${known.node.id}`]
        : []),
      ...(known.forgotten?.done || isStaying
        ? []
        : [`whatever Nomad and Consul remember of ${instanceId}`]),
    ];
    await records.end(instanceId, execution, "failed", left);
    metrics.report(known.pool ?? "unknown", {
      RetirementsFailed: 1,
      ...(known.drain?.outcome === "forced" && { ForcedDrains: 1 }),
    });
    log.error("the retirement failed", { why, decision, left });
    return { error: why.error, cause: `${why.cause} ${decision}` };
  });
};

export const handler = wired(createHandler);
