import type { LiveWorld } from "../test/live/live-world.ts";

/**
 * What AWS takes, in seconds: assumptions for a region in Europe, not measured
 * here. They are what a retirement costs beside its own work, nothing more.
 */
const assumed = {
  /** From the bus to the call of the function. */
  delivery: 0.5,
  startExecution: 0.05,
  transition: 0.025,
  /** Around each call of a function that is warm. */
  invoke: 0.015,
  /** A new sandbox, up to the start of Node. */
  sandbox: 0.1,
};

/** The assumptions, for those who read the table. */
export const assumptions = `bus ${assumed.delivery} s, ${assumed.transition * 1000} ms a transition, ${assumed.invoke * 1000} ms a call`;

/** What lies on the way from an event to a completed hook, except what goes on while the node drains. */
export interface CriticalPath {
  readonly transitions: number;
  /** Tasks whose functions are called, in order. Some twice. */
  readonly calls: readonly string[];
}

/** The states from one to another, each the first of its name after the one before. */
const between = (states: readonly string[], from: string | undefined, to: string): string[] => {
  const begin = from === undefined ? 0 : states.indexOf(from) + 1;
  const end = states.indexOf(to, begin);
  if (end === -1) throw new Error(`${to} is not among the states ${states.join(", ")}`);
  return states.slice(begin, end + 1);
};

/** Reads off an execution that has drained its node in one round. */
export const readCriticalPath = ({ world }: LiveWorld, executionArn: string): CriticalPath => {
  const run = world.engine.runs.get(executionArn);
  const [machine] = world.stack.stateMachines;
  if (!run || !machine) throw new Error(`there is no execution ${executionArn}`);
  const { States } = JSON.parse(machine.definition) as {
    readonly States: Readonly<
      Record<string, { readonly Type: string; readonly Resource?: string }>
    >;
  };
  const entered = run.events.flatMap(({ type, state }) =>
    type === "StateEntered" && state !== undefined ? [state] : [],
  );
  // While `Drain work` waits in its call the node drains: what comes of that call costs nothing.
  const path = [
    ...between(entered, undefined, "Drain work"),
    ...between(entered, "Drain work", "Complete hook"),
  ];
  const taskOf = (state: string): string[] => {
    const text = JSON.stringify(States[state]);
    const spec = world.stack.functions.find(({ arn }) => text.includes(`"${arn}"`));
    return spec ? [spec.task] : [];
  };
  return { transitions: path.length, calls: ["intake/intake", ...path.flatMap(taskOf)] };
};

/** Seconds that AWS adds to a retirement whose functions are all warm. */
export const modelWarm = ({ transitions, calls }: CriticalPath): number =>
  assumed.delivery +
  assumed.startExecution +
  transitions * assumed.transition +
  calls.length * assumed.invoke;

/**
 * Seconds that AWS adds when no function has a container: each starts once.
 *
 * @param startOf - seconds that Node and the import of a task's code take
 */
export const modelCold = (path: CriticalPath, startOf: (task: string) => number): number =>
  [...new Set(path.calls)].reduce(
    (sum, task) => sum + assumed.sandbox + startOf(task),
    modelWarm(path),
  );
