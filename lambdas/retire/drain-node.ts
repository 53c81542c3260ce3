import * as v from "valibot";
import { connectCluster } from "../clients/cluster.ts";
import { reportFailure, task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { beginDrain } from "./begin-drain.ts";
import { watchRound } from "./drain-round.ts";
import { cordon, type Drain, drain, node, retirement, slot } from "./retirement.ts";

const input = v.object({
  pass: drain.entries.pass,
  retirement: v.object({
    ...retirement.entries,
    node: v.object({ ...node.entries, id: v.string() }),
    cordon,
    slot,
    drain: v.optional(drain),
  }),
});

/**
 * One round of one pass of the drain. The first begins it; each waits until the
 * pass is over, or until the hook needs its heartbeat. A call that died after
 * it has begun the drain is repeated from its start, and finds it under way.
 */
export const createHandler = (surroundings: Surroundings) => {
  const { nomad } = connectCluster(surroundings);
  const { clock, random } = surroundings;

  return task(
    surroundings,
    input,
    async ({ pass, retirement }, { log, metrics, remaining }): Promise<Drain> => {
      const { drain: before, hook, node, cordon, slot, pool } = retirement;
      // After an outage the execution has come back through the queue for a slot, and
      // nobody knows what became of the drain meanwhile.
      const isBegun = before?.pass === pass && before.slotTakenAt === slot.takenAt;
      const { drain, seen } = isBegun
        ? { drain: before, seen: undefined }
        : await beginDrain(
            { nomad, clock, log },
            { pass, nodeId: node.id, retirement, slot, before },
          );
      // There is nothing to drain: no system jobs, or no node.
      if (drain.status === "drained") return drain;
      const { verdict, waitSeconds } = await watchRound({
        nomad,
        clock,
        random,
        target: { nodeId: node.id, drain, storage: cordon },
        hook,
        underWay: slot.underWay,
        seen,
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
