import type {
  Blocker,
  Completion,
  Cordon,
  Drain,
  Forgotten,
  Node,
  Retirement,
  Slot,
  Termination,
} from "../retirement.ts";

/** What a retirement has gathered when it ends; steps that were not taken are absent. */
export interface FinishedRetirement extends Retirement {
  readonly node?: Node | undefined;
  readonly cordon?: Cordon | undefined;
  readonly slot?: Slot | undefined;
  readonly drain?: Drain | undefined;
  readonly completion?: Completion | undefined;
  readonly termination?: Termination | undefined;
  readonly forgotten?: Forgotten | undefined;
}

/** The output of an execution: what a person wants to know of it afterwards. */
export interface Summary {
  readonly instanceId: string;
  readonly pool: string;
  readonly group: string;
  readonly reason: string;
  readonly since: string;
  readonly node: { readonly id: string; readonly name: string | undefined } | null;
  readonly drain: Drain["outcome"];
  readonly hook: Completion["decision"] | null;
  readonly end: Termination["state"] | null;
  readonly forgotten: { readonly nomad: string; readonly consul: string } | null;
  readonly allocations: number;
  /** Jobs that were still there when a forced drain ended. */
  readonly cutOff: readonly Blocker[];
  /** Seconds of each phase; null for one that was not gone through. */
  readonly seconds: {
    readonly toDrain: number | null;
    readonly drain: number | null;
    readonly toHook: number | null;
    readonly toForgotten: number | null;
    readonly total: number;
  };
  readonly explanation: string;
}

const between = (from: string | undefined, to: string | undefined): number | null =>
  from && to ? Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 100) / 10) : null;

/** @param now - milliseconds since the Unix epoch */
export const summarise = (retirement: FinishedRetirement, now: number): Summary => {
  const { node, drain, completion, termination, forgotten } = retirement;
  const end = new Date(now).toISOString();
  return {
    instanceId: retirement.instanceId,
    pool: retirement.pool,
    group: retirement.group,
    reason: retirement.reason,
    since: retirement.since,
    node: node?.id ? { id: node.id, name: node.name } : null,
    drain: drain?.outcome ?? "none",
    hook: completion?.decision ?? null,
    end: termination?.state ?? null,
    forgotten: forgotten ? { nomad: forgotten.nomad, consul: forgotten.consul } : null,
    allocations: drain?.allocations ?? 0,
    cutOff: drain?.cutOff ?? [],
    seconds: {
      toDrain: between(retirement.since, drain?.beganAt),
      drain: between(drain?.beganAt, drain?.endedAt),
      toHook: between(drain?.endedAt ?? retirement.since, completion?.at),
      toForgotten: forgotten ? between(completion?.at, end) : null,
      total: between(retirement.since, end) ?? 0,
    },
    explanation: (drain ?? node)?.explanation ?? "",
  };
};
