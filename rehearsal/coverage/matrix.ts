import type { StateTraits } from "./read-states.ts";

/** Where a fault can strike at all. */
export type Reach =
  /** Executions, wherever they are, or up to a state that ends what it could strike. */
  | { readonly of: "executions"; readonly until?: string }
  /** Functions, while they work for a state. */
  | { readonly of: "functions" }
  /** Calls to some services, or of some operations (`service:operation`), or `any`. */
  | { readonly of: "calls"; readonly to: readonly string[] }
  /** Events, before there is an execution: in no state. */
  | { readonly of: "events" };

export const noCounts = (): MatrixCounts => ({ strikes: {}, calls: {} });

/** Adds what one process has counted to what others have. */
export const addCounts = (sum: MatrixCounts, { strikes, calls }: MatrixCounts): void => {
  for (const [fault, row] of Object.entries(strikes)) {
    const own = (sum.strikes[fault] ??= {});
    for (const [state, times] of Object.entries(row)) own[state] = (own[state] ?? 0) + times;
  }
  for (const [state, services] of Object.entries(calls))
    sum.calls[state] = [...new Set([...(sum.calls[state] ?? []), ...services])];
};

/** How often each fault struck in each state. */
export interface Matrix {
  strike(fault: string, state: string): void;
  /** Notes that a state's function calls a service, whether something is wrong with it or not. */
  call(state: string, service: string): void;
  /** Takes in what another matrix has counted. */
  add(counts: MatrixCounts): void;
  readonly counts: MatrixCounts;
  /** Whether a fault can strike in a state, by what is known of its calls. */
  canStrike(fault: string, state: string): boolean;
  /** Where a fault could have struck and never did. */
  holes(): Hole[];
  render(): string;
}

export interface Hole {
  readonly fault: string;
  readonly state: string;
}

/** As plain data, to be handed from one process to another. */
export interface MatrixCounts {
  readonly strikes: Record<string, Record<string, number>>;
  readonly calls: Record<string, string[]>;
}

const isPast = (states: readonly StateTraits[], until: string, name: string): boolean => {
  const last = states.find((state) => state.name === until);
  if (last === undefined) throw new Error(`no state is called ${until}`);
  return name === until || last.after.includes(name);
};

const canStrike = (
  reach: Reach,
  { kind, name }: StateTraits,
  states: readonly StateTraits[],
  calls: MatrixCounts["calls"],
): boolean => {
  switch (reach.of) {
    case "events":
      return false;
    case "executions":
      return reach.until === undefined || !isPast(states, reach.until, name);
    case "functions":
      return kind === "task";
    case "calls":
      return reach.to.some((service) => calls[name]?.includes(service));
  }
};

/**
 * Faults by states. Which services a state calls is seen, not declared: a new
 * task has its cells by itself.
 */
export const createMatrix = (
  states: readonly StateTraits[],
  faults: Readonly<Record<string, Reach>>,
): Matrix => {
  const counts = noCounts();
  const names = Object.keys(faults);

  const strikesOf = (fault: string, state: string): number => counts.strikes[fault]?.[state] ?? 0;
  const requireFault = (fault: string): void => {
    if (faults[fault] === undefined) throw new Error(`no fault is called ${fault}`);
  };
  const isPossible = (fault: string, state: StateTraits): boolean =>
    canStrike(faults[fault] ?? { of: "events" }, state, states, counts.calls);

  return {
    counts,
    strike: (fault, state) => {
      requireFault(fault);
      addCounts(counts, { strikes: { [fault]: { [state]: 1 } }, calls: {} });
    },
    call: (state, service) => addCounts(counts, { strikes: {}, calls: { [state]: [service] } }),
    add: (more) => {
      for (const fault of Object.keys(more.strikes)) requireFault(fault);
      addCounts(counts, more);
    },
    canStrike: (fault, name) => {
      const state = states.find((each) => each.name === name);
      return state !== undefined && isPossible(fault, state);
    },
    holes: () =>
      names.flatMap((fault) =>
        states
          .filter((state) => isPossible(fault, state) && strikesOf(fault, state.name) === 0)
          .map((state) => ({ fault, state: state.name })),
      ),
    render: () => {
      const cell = (fault: string, state: StateTraits): string => {
        const times = strikesOf(fault, state.name);
        if (times > 0) return times > 99 ? "99" : String(times);
        return isPossible(fault, state) ? "!!" : "·";
      };
      const width = Math.max(...states.map(({ name }) => name.length));
      const row = (title: string, cells: readonly string[]): string =>
        `${title.padEnd(width)}${cells.map((text) => text.padStart(3)).join("")}`;
      return [
        ...names.map((name, index) => `${String(index + 1).padStart(3)} ${name}`),
        "",
        row(
          "",
          names.map((_, index) => String(index + 1)),
        ),
        ...states.map((state) =>
          row(
            state.name,
            names.map((name) => cell(name, state)),
          ),
        ),
      ].join("\n");
    },
  };
};
