import { prepareDefinition } from "../engine/definition.ts";
import type { Stack } from "../world/stack.ts";

/** A state in which an execution can be for a while, so that something can happen to it there. */
export interface StateTraits {
  readonly name: string;
  readonly kind: "task" | "wait";
  /** The task whose function it calls. */
  readonly task?: string;
}

interface Definition {
  readonly States: Readonly<Record<string, { readonly Type: string }>>;
}

/**
 * The states of the state machines that were deployed, by their definitions:
 * one that is new is among them by itself. Choices and ends take no time.
 */
export const readStates = ({
  stateMachines,
  functions,
}: Pick<Stack, "stateMachines" | "functions">): StateTraits[] =>
  stateMachines.flatMap(({ arn, definition }) => {
    const { States } = JSON.parse(definition) as Definition;
    const { tasks } = prepareDefinition(arn, definition);
    const taskOf = new Map(
      tasks.map(({ state, functionArn }) => [
        state,
        functions.find((each) => each.arn === functionArn)?.task,
      ]),
    );
    return Object.entries(States).flatMap(([name, { Type }]): StateTraits[] => {
      if (Type === "Wait") return [{ name, kind: "wait" }];
      const task = taskOf.get(name);
      return Type === "Task" && task !== undefined ? [{ name, kind: "task", task }] : [];
    });
  });
