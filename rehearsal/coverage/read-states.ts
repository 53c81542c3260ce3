import { prepareDefinition } from "../engine/definition.ts";
import type { Stack } from "../world/stack.ts";

/** A state in which an execution can be for a while, so that something can happen to it there. */
export interface StateTraits {
  readonly name: string;
  /** Name of its state machine. */
  readonly machine: string;
  readonly kind: "task" | "wait";
  /** The task whose function it calls. */
  readonly task?: string;
  /** The states that can come after it when nothing fails, near and far. */
  readonly after: readonly string[];
}

interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: readonly { readonly Next?: string }[];
}

interface Definition {
  readonly States: Readonly<Record<string, State>>;
}

/** All that can be reached from a state, without the ways that errors take. */
const findAfter = (states: Definition["States"], from: string): string[] => {
  const found = new Set<string>();
  const follow = (name: string): void => {
    const { Next, Default, Choices = [] } = states[name] ?? { Type: "Fail" };
    for (const next of [Next, Default, ...Choices.map((choice) => choice.Next)]) {
      if (next === undefined || found.has(next)) continue;
      found.add(next);
      follow(next);
    }
  };
  follow(from);
  return [...found];
};

/**
 * The states of the state machines that were deployed, by their definitions:
 * one that is new is among them by itself. Choices and ends take no time.
 */
export const readStates = ({
  stateMachines,
  functions,
}: Pick<Stack, "stateMachines" | "functions">): StateTraits[] =>
  stateMachines.flatMap(({ arn, definition }) => {
    const machine = arn.slice(arn.lastIndexOf(":") + 1);
    const { States } = JSON.parse(definition) as Definition;
    const { tasks } = prepareDefinition(arn, definition);
    const taskOf = new Map(
      tasks.map(({ state, functionArn }) => [
        state,
        functions.find((each) => each.arn === functionArn)?.task,
      ]),
    );
    return Object.entries(States).flatMap(([name, { Type }]): StateTraits[] => {
      const after = findAfter(States, name);
      if (Type === "Wait") return [{ name, machine, kind: "wait", after }];
      const task = taskOf.get(name);
      return Type === "Task" && task !== undefined
        ? [{ name, machine, kind: "task", task, after }]
        : [];
    });
  });
