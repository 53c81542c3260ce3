import type { Run, RunEvent } from "../engine/engine.ts";
import type { Subject } from "../engine/containers.ts";
import type { Matrix, Reach } from "./matrix.ts";

/** Sees which states executions are in, and so which ones a fault strikes. */
export interface Observer {
  /** Is told of everything that happens in executions. */
  follow(run: Pick<Run, "executionArn">, event: Pick<RunEvent, "type" | "state">): void;
  /** A call on the wire, for whom it was, and to which service. */
  call(subject: Subject, service: string): void;
  /** A fault is there from now on, and strikes whatever it meets. */
  begin(fault: string): void;
  /** It is over. */
  end(fault: string): void;
  /** A fault strikes at one moment: in one execution, or in all there are. */
  strike(fault: string, executionArn?: string): void;
}

export const observe = (
  matrix: Pick<Matrix, "strike" | "call">,
  faults: Readonly<Record<string, Reach>>,
): Observer => {
  /** By execution: the state that it is in. */
  const active = new Map<string, string>();
  const present = new Map<string, number>();

  const strikeAll = (fault: string): void => {
    for (const state of new Set(active.values())) matrix.strike(fault, state);
  };
  const isOver = (type: string): boolean => /^Execution(?!Started)/.test(type);

  return {
    follow({ executionArn }, { type, state }) {
      if (type === "StateEntered" && state !== undefined) {
        active.set(executionArn, state);
        for (const fault of present.keys())
          if (faults[fault]?.of !== "calls") matrix.strike(fault, state);
      } else if (isOver(type) || (type === "StateExited" && active.get(executionArn) === state))
        active.delete(executionArn);
    },
    call({ executionArn }, service) {
      const state = executionArn === undefined ? undefined : active.get(executionArn);
      if (state === undefined) return;
      matrix.call(state, service);
      for (const fault of present.keys()) {
        const reach = faults[fault];
        if (reach?.of === "calls" && reach.to.includes(service)) matrix.strike(fault, state);
      }
    },
    begin(fault) {
      present.set(fault, (present.get(fault) ?? 0) + 1);
      if (faults[fault]?.of !== "calls") strikeAll(fault);
    },
    end(fault) {
      const times = (present.get(fault) ?? 0) - 1;
      if (times > 0) present.set(fault, times);
      else present.delete(fault);
    },
    strike(fault, executionArn) {
      if (executionArn === undefined) return strikeAll(fault);
      const state = active.get(executionArn);
      if (state !== undefined) matrix.strike(fault, state);
    },
  };
};
