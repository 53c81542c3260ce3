import { createMatrix, type Matrix } from "../../../rehearsal/coverage/matrix.ts";
import { directAt } from "../../../rehearsal/coverage/direct.ts";
import { readStates, type StateTraits } from "../../../rehearsal/coverage/read-states.ts";
import { findFault } from "../../../rehearsal/faults/catalogue.ts";
import type { Fault, Schedule } from "../../../rehearsal/faults/fault.ts";
import { rehearseScaleIn } from "../../../rehearsal/scenarios/scale-in.ts";
import { emulatedStage } from "../../../rehearsal/scenarios/stages.ts";
import type { World } from "../../../rehearsal/world.ts";
import { type SituationName, situations } from "../../mutants/situations/situations.ts";
import type { Situation } from "../../mutants/situations/staging.ts";

/** What one rehearsal in a situation showed. */
interface Round {
  readonly situation: SituationName;
  /** States that an execution came to. */
  readonly visited: ReadonlySet<string>;
  /** What these called. */
  readonly matrix: Matrix;
  readonly violations: readonly string[];
}

export interface Directed {
  readonly matrix: Matrix;
  readonly states: readonly StateTraits[];
  /** States that no execution came to. */
  readonly unvisited: readonly string[];
  /** What broke, with the situation and the schedule that broke it. */
  readonly findings: readonly string[];
}

/** Faults that end what others could still strike, each in a rehearsal of its own. */
const isAlone = ({ name }: Fault): boolean =>
  ["power-cut", "execution-stopped", "person-completes-hook"].includes(name);

/** Each costs a try of the function itself, and those become rare: hooks have heartbeats. */
const isOfFunction = ({ name }: Fault): boolean => /^(function|lambda)-/.test(name);

/** How many are met in one rehearsal, one after the other. */
const mostAtOnce = { ofFunctions: 3, others: 6 } as const;

const inParts = (faults: readonly Fault[], size: number): Fault[][] =>
  Array.from({ length: Math.ceil(faults.length / size) }, (_, index) =>
    faults.slice(index * size, (index + 1) * size),
  );

const inGroups = (faults: readonly Fault[]): Fault[][] => {
  const together = faults.filter((fault) => !isAlone(fault));
  return [
    ...inParts(faults.filter(isAlone), 1),
    ...inParts(together.filter(isOfFunction), mostAtOnce.ofFunctions),
    ...inParts(
      together.filter((fault) => !isOfFunction(fault)),
      mostAtOnce.others,
    ),
  ];
};

/**
 * Has every fault strike in every state that it can strike.
 *
 * @param machine - end of the name of the state machine
 * @param scouts - situations that take executions through all of its states
 */
export const directAll = async (
  faults: readonly Fault[],
  machine: string,
  scouts: readonly SituationName[],
): Promise<Directed> => {
  const reaches = Object.fromEntries(faults.map(({ name, reach }) => [name, reach]));
  let states: readonly StateTraits[] = [];
  let total = createMatrix(states, reaches);
  const findings: string[] = [];

  const rehearse = async (situation: SituationName, schedule: Schedule): Promise<Round> => {
    let world: World | undefined;
    const { onReady, ...options }: Situation = situations[situation]();
    const round = { matrix: total };
    const { invariants } = await rehearseScaleIn(emulatedStage, {
      ...options,
      seed: 1,
      schedule,
      onReady: (ready) => {
        world = ready;
        if (states.length === 0) {
          states = readStates(ready.stack).filter((state) => state.machine.endsWith(machine));
          total = createMatrix(states, reaches);
        }
        round.matrix = createMatrix(states, reaches);
        onReady?.(ready);
      },
      onCoverage: ({ calls, strikes }) => {
        // What renews a container may be none of the faults in question.
        const ours = Object.entries(strikes).filter(([name]) => name in reaches);
        const counts = { calls, strikes: Object.fromEntries(ours) };
        round.matrix.add(counts);
        total.add(counts);
      },
    });
    const runs = [...(world?.engine.runs.values() ?? [])];
    const violations = invariants.flatMap(({ name, violations }) =>
      violations.map((violation) => `${name}: ${violation}`),
    );
    if (violations.length > 0)
      findings.push([situation, JSON.stringify(schedule), ...violations].join("\n  "));
    return {
      situation,
      visited: new Set(runs.flatMap(({ events }) => events.flatMap(({ state }) => state ?? []))),
      matrix: round.matrix,
      violations,
    };
  };

  const rounds: Round[] = [];
  for (const scout of scouts) rounds.push(await rehearse(scout, []));

  /** A situation in which a fault can strike in a state: one that comes to it, and calls what it calls. */
  const wayTo = ({ name }: Fault, state: string): SituationName | undefined =>
    rounds.find(({ visited, matrix }) => visited.has(state) && matrix.canStrike(name, state))
      ?.situation;

  // What a state calls only now and then shows while it is struck by something else.
  for (let attempt = 1; attempt <= 3 && total.holes().length > 0; attempt += 1) {
    const groups = Map.groupBy(
      total.holes().flatMap(({ fault: name, state }) => {
        const fault = faults.find((each) => each.name === name);
        const situation = fault && wayTo(fault, state);
        return fault && situation ? [{ fault, state, situation }] : [];
      }),
      ({ state, situation }) => `${state}\0${situation}`,
    );
    for (const cells of groups.values()) {
      const [first] = cells;
      const state = states.find(({ name }) => name === first?.state);
      if (first === undefined || state === undefined) continue;
      for (const group of inGroups(cells.map(({ fault }) => fault))) {
        // What a container does only at first shows in a new one.
        const renew =
          attempt > 1 && state.kind === "task" ? [findFault("function-dies-before")] : [];
        const schedule = [...renew, ...group].map((fault) => directAt(fault, state));
        rounds.push(await rehearse(first.situation, schedule));
      }
    }
  }
  return {
    matrix: total,
    states,
    unvisited: states
      .map(({ name }) => name)
      .filter((name) => !rounds.some(({ visited }) => visited.has(name))),
    findings,
  };
};
