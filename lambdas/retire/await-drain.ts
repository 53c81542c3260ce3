import * as v from "valibot";
import { connectCluster } from "../clients/cluster.ts";
import { reportFailure, task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { watchRound } from "./drain-round.ts";
import { cordon, type Drain, drain, node, retirement, slot } from "./retirement.ts";

const input = v.object({
  ...retirement.entries,
  node: v.object({ ...node.entries, id: v.string() }),
  cordon,
  slot,
  drain,
});

/** Waits until one pass of the drain is over, or until the hook needs its heartbeat. */
export const createHandler = (surroundings: Surroundings) => {
  const { nomad } = connectCluster(surroundings);
  const { clock, random } = surroundings;

  return task(
    surroundings,
    input,
    async (retirement, { log, metrics, remaining }): Promise<Drain> => {
      const { drain, hook, node, cordon, slot, pool } = retirement;
      // There was nothing to drain: no system jobs, or no node.
      if (drain.status === "drained") return drain;
      const { verdict, waitSeconds } = await watchRound({
        nomad,
        clock,
        random,
        target: { nodeId: node.id, drain, storage: cordon },
        hook,
        underWay: slot.underWay,
        remaining: remaining(),
        onFailure: (failure) => reportFailure(metrics, pool, failure),
      });
      log.info(verdict.explanation, { pass: drain.pass, ...verdict });
      return {
        ...drain,
        ...verdict,
        // Once forced, a retirement stays forced, whatever its system pass does.
        outcome: drain.outcome === "forced" ? "forced" : verdict.outcome,
        ...(verdict.status === "drained" && {
          blockers: [],
          cutOff:
            verdict.outcome === "forced" ? [...drain.cutOff, ...verdict.blockers] : drain.cutOff,
          endedAt: new Date(clock.now()).toISOString(),
        }),
        waitSeconds,
      };
    },
  );
};

export const handler = wired(createHandler);
