import * as v from "valibot";
import { connectCluster } from "../clients/cluster.ts";
import { ClusterFailure } from "../clients/cluster-api.ts";
import { reportFailure, task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { cordon, type Drain, drain, node, retirement, slot } from "./retirement.ts";
import {
  growingWaitSeconds,
  isHookRunningOut,
  roundSeconds,
  withinHeartbeat,
} from "./rules/deadlines.ts";
import { concerns, type DrainView, judgeDrain, type Verdict } from "./rules/judge-drain.ts";
import { type Look, viewDrain } from "./view-drain.ts";

const input = v.object({
  ...retirement.entries,
  node: v.object({ ...node.entries, id: v.string() }),
  cordon,
  drain,
  slot,
});

/** Load balancers cut a connection after 60 seconds of silence. */
const holdSeconds = 50;
/** A pause where there is nothing to wait on: a claim, a disk, the end of a strategy. */
const pollMilliseconds = 1_000;
/** Allocations change in a large cluster all the time, and each change wakes us. */
const leastBetweenLooks = 250;
/** Before Lambda's own time-out, with room for the last answer and its retry. */
const reserveMilliseconds = 30_000;
const outagePauseMilliseconds = 5_000;
/** After a 429: the pause of the state machine, in seconds, without holding a connection. */
const busyPause = { least: 15, most: 300 };
/**
 * With more drains than this under way, nobody holds a connection: Nomad gives
 * 100 to one address, and functions of the same subnet share theirs.
 */
const mostHolding = 40;

/**
 * Waits until one pass of the drain is over, or until the hook needs its
 * heartbeat. An outage of Nomad is waited out, up to the limit of the hook.
 */
export const createHandler = (surroundings: Surroundings) => {
  const { nomad } = connectCluster(surroundings);
  const { clock, random } = surroundings;

  return task(
    surroundings,
    input,
    async (retirement, { log, metrics, remaining }): Promise<Drain> => {
      const { drain, hook } = retirement;
      const target = {
        nodeId: retirement.node.id,
        drain,
        volumes: retirement.cordon.volumes,
      };
      const roundEnds =
        clock.now() + Math.min(roundSeconds(hook) * 1000, remaining() - reserveMilliseconds);
      const isOver = () => clock.now() >= roundEnds;
      const answer = (verdict: Verdict, waitSeconds = 0): Drain => ({
        ...drain,
        ...verdict,
        // Once forced, a retirement stays forced, whatever its system pass does.
        outcome: drain.outcome === "forced" ? "forced" : verdict.outcome,
        waitSeconds,
      });

      const pauseOfMany = () => {
        const waited = (clock.now() - Date.parse(drain.startedAt)) / 1000;
        return withinHeartbeat(growingWaitSeconds(waited, busyPause, random), hook);
      };

      let emptySince: number | undefined;
      let watch: Look["next"];
      let verdict: Verdict = { ...drain };
      do {
        const startedAt = clock.now();
        let view: DrainView;
        try {
          const untilEnd = Math.min(roundEnds, Date.parse(drain.giveUpAt)) - startedAt;
          const seconds = Math.max(1, Math.min(holdSeconds, Math.floor(untilEnd / 1000)));
          const look = await viewDrain(nomad, target, watch && { ...watch, seconds });
          view = look.view;
          watch = look.next;
        } catch (error) {
          if (!(error instanceof ClusterFailure) || error.kind === "rejected") throw error;
          watch = undefined;
          verdict = { ...verdict, status: "draining", explanation: `${error.message}.` };
          if (error.kind === "busy") {
            const waited = (clock.now() - Date.parse(drain.startedAt)) / 1000;
            const seconds = growingWaitSeconds(waited, busyPause, random);
            return answer(verdict, withinHeartbeat(seconds, hook));
          }
          reportFailure(metrics, retirement.pool, error);
          if (isHookRunningOut(hook, clock.now())) {
            log.warn("the hook lives no longer, and Nomad cannot be asked");
            return answer({ ...verdict, status: "drained", outcome: "forced" });
          }
          await clock.sleep(outagePauseMilliseconds);
          continue;
        }
        const isEmpty = ![...view.live, ...view.finishing].some((each) =>
          concerns(drain.pass, each),
        );
        emptySince = isEmpty ? (emptySince ?? clock.now()) : undefined;
        verdict = judgeDrain({ ...view, emptySince }, drain, clock.now());
        if (verdict.status === "drained") {
          log.info(verdict.explanation, { pass: drain.pass, outcome: verdict.outcome });
          return answer(verdict);
        }
        if (!isEmpty && retirement.slot.underWay > mostHolding)
          return answer(verdict, pauseOfMany());
        // Nothing left to be woken by, or woken too often.
        const pause =
          watch && !isEmpty ? leastBetweenLooks - (clock.now() - startedAt) : pollMilliseconds;
        if (pause > 0) await clock.sleep(pause);
        if (isEmpty) watch = undefined;
      } while (!isOver());
      return answer(verdict);
    },
  );
};

export const handler = wired(createHandler);
