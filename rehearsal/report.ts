import type { Instance } from "./emulators/auto-scaling/state.ts";
import type { Run } from "./engine/engine.ts";
import type { Strike } from "./faults/apply.ts";
import type { Verdict } from "./invariants/evidence.ts";
import type { World } from "./world.ts";
import type { DrainOutcome } from "./world/park.ts";

/** Seconds of each phase; null for one that was not gone through. */
export interface PhaseSeconds {
  /** From the hook to the start of the drain. */
  readonly toDrain: number | null;
  readonly drain: number | null;
  /** From the end of the drain to the decision of the hook. */
  readonly toHook: number | null;
  /** From then until nothing remembers the machine, looked at twice. */
  readonly toForgotten: number | null;
}

export interface RetiredInstance {
  readonly instanceId: string;
  readonly drain: DrainOutcome;
  readonly hook: "CONTINUE" | "ABANDON" | "expired" | "retained" | null;
  readonly seconds: PhaseSeconds;
  readonly calls: { readonly nomad: number; readonly consul: number; readonly aws: number };
  readonly transitions: number;
}

/** What a rehearsal found. */
export interface Report {
  readonly scenario: string;
  readonly seed: number;
  readonly nodes: number;
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
  readonly retired: readonly RetiredInstance[];
  /** What went wrong, when something was to. */
  readonly faults?: readonly Strike[];
  readonly invariants: readonly Verdict[];
}

const tenths = (milliseconds: number): number => Math.round(milliseconds / 100) / 10;

const span = (from: number | undefined, to: number | undefined): number | null =>
  from === undefined || to === undefined ? null : tenths(Math.max(0, to - from));

const timeOf = (run: Run | undefined, type: string, states: readonly string[]) =>
  (run?.events ?? [])
    .filter((event) => event.type === type && states.includes(event.state ?? ""))
    .map(({ at }) => at);

const hookOf = (instance: Instance, hook: string): RetiredInstance["hook"] => {
  if (instance.state === "Terminating:Retained") return "retained";
  const outcome = instance.actions.find((action) => action.hook.name === hook)?.outcome;
  if (outcome === undefined || outcome.how === "cancelled") return null;
  return outcome.how === "completed" ? outcome.result : "expired";
};

/** The runs of a world by the instance that their input names: reading each for each would be quadratic. */
export const runsByInstance = ({ engine }: World): ReadonlyMap<string, readonly Run[]> => {
  const found = new Map<string, Run[]>();
  for (const run of engine.runs.values()) {
    const { instanceId } = JSON.parse(run.input) as { readonly instanceId?: string };
    if (instanceId === undefined) continue;
    const own = found.get(instanceId);
    if (own) own.push(run);
    else found.set(instanceId, [run]);
  }
  return found;
};

/**
 * What became of one instance: its hook, its machine, and the states of its execution.
 *
 * @param runs - of this instance, in the order in which they began
 */
export const describeRetirement = (
  world: World,
  instance: Instance,
  hook: string,
  runs: readonly Run[],
): RetiredInstance => {
  const run = runs.at(-1);
  const action = instance.actions.find((each) => each.hook.name === hook);
  const [drained] = timeOf(run, "StateEntered", ["Drain work"]);
  const over = timeOf(run, "StateExited", ["Drain work", "Drain system jobs"]).at(-1);
  const forgotten = timeOf(run, "StateExited", ["Look again"]).at(-1);
  const decided = action?.outcome?.at;
  return {
    instanceId: instance.id,
    drain: world.park.ends.find(({ instanceId }) => instanceId === instance.id)?.drain ?? "none",
    hook: hookOf(instance, hook),
    seconds: {
      toDrain: span(action?.startedAt, drained),
      drain: span(drained, over),
      toHook: span(over ?? action?.startedAt, decided),
      toForgotten: span(decided, forgotten),
    },
    calls: world.ledger.callsFor(instance.id),
    transitions: runs.reduce((sum, { transitions }) => sum + transitions, 0),
  };
};
