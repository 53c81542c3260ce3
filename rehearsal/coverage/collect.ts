import type { Subject } from "../engine/containers.ts";
import type { Run } from "../engine/engine.ts";
import type { World } from "../world.ts";
import type { MatrixCounts } from "./matrix.ts";

/** The state that an execution is in; undefined between two, and when it has ended. */
export const activeState = ({ events }: Pick<Run, "events">): string | undefined => {
  const last = events.findLast(({ type }) => /^(StateEntered|StateExited|Execution)/.test(type));
  return last?.type === "StateEntered" ? last.state : undefined;
};

/** The state that somebody is in: the one that makes a call, or that of an instance's execution. */
export const stateOf = (
  { engine }: Pick<World, "engine">,
  { state, executionArn, instanceId }: Subject,
): string | undefined => {
  if (state !== undefined) return state;
  const known = executionArn === undefined ? undefined : engine.runs.get(executionArn);
  if (known !== undefined) return activeState(known);
  if (instanceId === undefined) return undefined;
  const runs = [...engine.runs.values()].filter(
    ({ input }) =>
      (JSON.parse(input) as { instanceId?: unknown } | null)?.instanceId === instanceId,
  );
  return runs.map(activeState).findLast((active) => active !== undefined);
};

/** What the function of each state has called: services, and operations as `service:operation`. */
export const callsByState = ({ ledger }: Pick<World, "ledger">): MatrixCounts["calls"] => {
  const calls = new Map<string, Set<string>>();
  for (const { destination, service, operation, subject } of ledger.entries) {
    if (subject.state === undefined) continue;
    const own = calls.get(subject.state) ?? new Set<string>();
    calls.set(subject.state, own);
    own.add("any");
    if (destination === "aws") own.add(service).add(`${service}:${operation}`);
    else own.add(destination);
  }
  return Object.fromEntries([...calls].map(([state, own]) => [state, [...own]]));
};
