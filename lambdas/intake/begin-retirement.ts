import { executionArn, type Executions } from "../clients/executions.ts";
import type { Ownership, Records } from "../clients/records.ts";
import type { Hook } from "../retire/retirement.ts";
import { holdingHook } from "../retire/rules/holding-hook.ts";
import type { Surroundings } from "../runtime/surroundings.ts";

/** An instance that a hook of ours holds, whoever told of it. */
export interface Leaving {
  readonly instanceId: string;
  readonly group: string;
  readonly pool: string;
  readonly reason: string;
  readonly since: string;
  readonly destination: "terminated" | "warm pool";
  readonly hook: Hook;
}

export interface Begun {
  readonly outcome: "started" | "joined" | "over already";
  readonly execution: string;
}

export interface Retirements {
  /**
   * Makes one retirement of an instance that leaves, also when it is told of
   * several times: the record is the fence, the name of the execution a second one.
   *
   * @param label - tells executions for the same instance apart; the same for the same event
   */
  begin(leaving: Leaving, label: string): Promise<Begun>;
}

export const retirementsOf = (
  { clock }: Pick<Surroundings, "clock">,
  {
    records,
    executions,
    stateMachine,
  }: {
    readonly records: Pick<Records, "take" | "attachHook" | "end">;
    readonly executions: Pick<Executions, "status" | "start">;
    readonly stateMachine: string;
  },
): Retirements => {
  /** @param attempt - tells a later execution for the same label from one that ended badly */
  const begin = async (leaving: Leaving, label: string, attempt = ""): Promise<Begun> => {
    const { instanceId, group, pool, reason, since, destination, hook } = leaving;
    const name = `retire-${instanceId}-${label}${attempt}`;
    const execution = executionArn(stateMachine, name);
    const ownership: Ownership = {
      instanceId,
      execution,
      pool,
      group,
      reason,
      since,
      phase: "retiring",
      hook,
    };
    const owner = await records.take(ownership);
    if (owner) {
      const status = await executions.status(owner.execution);
      if (status === "running") {
        const holding = holdingHook(owner.hook, hook);
        if (await records.attachHook(instanceId, owner.execution, holding)) {
          return { outcome: "joined", execution: owner.execution };
        }
        // It has ended meanwhile: the instance is free, or somebody else's.
        return begin(leaving, label, attempt);
      }
      // Its owner died without giving it back, or was never started.
      const other = await records.take(ownership, owner.execution);
      // Another delivery of an event was faster.
      if (other) return { outcome: "joined", execution: other.execution };
    }
    const order = { instanceId, pool, group, reason, since, destination, hook };
    if (await executions.start(stateMachine, name, order)) return { outcome: "started", execution };
    // The name is taken: this event was handled before.
    const status = await executions.status(execution);
    if (status === "running") return { outcome: "joined", execution };
    if (status === "succeeded") {
      await records.end(instanceId, execution, "retired");
      return { outcome: "over already", execution };
    }
    if (attempt) throw new Error(`cannot start ${name}: an execution of this name ended badly`);
    return begin(leaving, label, `-${clock.now().toString(36)}`);
  };
  return { begin: (leaving, label) => begin(leaving, label) };
};
