import { ClusterFailure } from "../clients/cluster-api.ts";
import { type AllocationStub, type Hold, isLive, type Nomad } from "../clients/nomad.ts";
import type { Clock } from "../runtime/clock.ts";
import type { BegunDrain } from "./begin-drain.ts";
import type { Hook } from "./retirement.ts";
import {
  firstSystemRoundSeconds,
  giveUpAt,
  growingWaitSeconds,
  isHookRunningOut,
  roundSeconds,
  withinHook,
} from "./rules/deadlines.ts";
import {
  concerns,
  type DrainView,
  hangingSeconds,
  judgeDrain,
  type Verdict,
} from "./rules/judge-drain.ts";
import { type DrainTarget, type Look, viewDrain, type Watch } from "./view-drain.ts";

/** Load balancers cut a connection after 60 seconds of silence. */
const holdSeconds = 50;
/** A task that outlives its allocation changes no node when it ends. */
const holdSecondsOfTask = 15;
/**
 * So long before its deadline a drain is looked at, though the allocation that is
 * waited for has not changed: who is cut off is who is there then.
 */
const beforeDeadlineMilliseconds = 2_000;
/** A pause where there is nothing to wait on: a claim, or a disk. */
const pollMilliseconds = 2_000;
/** Allocations change in a large cluster all the time, and each change wakes us. */
const leastBetweenLooks = 250;
/** An allocation that stops changes when it is told to, and again when it has. */
const leastBetweenWaits = 1_000;
/** Before Lambda's own time-out, with room for the last answer and its retry. */
const reserveMilliseconds = 30_000;
const outagePauseMilliseconds = 5_000;
/** A pause of the state machine, in seconds, that holds no connection. */
const connectionlessPause = { least: 15, most: 300 };
/**
 * With more drains than this under way, nobody holds a connection: Nomad gives
 * 100 to one address, and functions of the same subnet share theirs.
 */
const mostHolding = 40;

export interface Round {
  readonly nomad: Nomad;
  readonly clock: Clock;
  readonly random: () => number;
  readonly target: DrainTarget;
  readonly hook: Hook | null;
  /** How many drains of the cluster are under way. */
  readonly underWay: number;
  /** What was seen when the drain began, a moment ago: the first look waits for what comes after. */
  readonly seen?: BegunDrain["seen"];
  /** Milliseconds until Lambda ends the call. */
  readonly remaining: number;
  /** Is told of every call that Nomad did not answer. */
  readonly onFailure: (failure: ClusterFailure) => void;
}

/** How a round ended: its last verdict, and how long to wait before the next round (seconds). */
export interface RoundEnd {
  readonly verdict: Verdict;
  readonly waitSeconds: number;
}

/** How long the next look may wait for a change, by what is left (seconds). */
const longestHold = (left: readonly AllocationStub[]): number => {
  if (left.length === 0) return hangingSeconds;
  return left.some(({ JobType }) => JobType === "service") ? holdSeconds : holdSecondsOfTask;
};

/**
 * Looks at a node that drains until it is drained, or until the hook needs its
 * heartbeat. An outage of Nomad is waited out, up to the limit of the hook.
 */
export const watchRound = async (round: Round): Promise<RoundEnd> => {
  const { nomad, clock, target, hook } = round;
  // The hook may have become tighter since the drain began.
  const decideAt = Math.min(
    Date.parse(target.drain.giveUpAt),
    giveUpAt(Date.parse(target.drain.until), hook),
  );
  const drain = { ...target.drain, giveUpAt: new Date(decideAt).toISOString() };
  const isFirstOfSystem = drain.pass === "system" && round.seen !== undefined;
  const length = isFirstOfSystem ? firstSystemRoundSeconds(hook) : roundSeconds(hook);
  const endsAt = clock.now() + Math.min(length * 1000, round.remaining - reserveMilliseconds);
  const holdNobody = (verdict: Verdict): RoundEnd => {
    const waited = (clock.now() - Date.parse(drain.startedAt)) / 1000;
    const seconds = growingWaitSeconds(waited, connectionlessPause, round.random);
    const left = Math.ceil((decideAt - clock.now()) / 1000);
    const pause = left > 0 ? Math.min(seconds, left) : seconds;
    return { verdict, waitSeconds: withinHook(pause, hook, clock.now()) };
  };
  const hold = (index: number, most: number, until: number): Hold => {
    const left = Math.floor((until - clock.now()) / 1000);
    return { index, seconds: Math.max(1, Math.min(most, left)) };
  };
  /**
   * Waits for an allocation. As long as it is live the drain cannot be over, and it
   * is lost, or unknown, when its node goes down or is purged: nothing else needs to
   * be looked at before, but for the last look of a round and the one before the
   * deadline.
   *
   * @returns where to go on waiting; undefined when it is time to look
   */
  const awaitAllocation = async (
    watch: Extract<Watch, { on: "allocation" }>,
  ): Promise<Watch | undefined> => {
    const lookBefore = Date.parse(drain.until) - beforeDeadlineMilliseconds;
    const isBefore = clock.now() < lookBefore;
    const lookAt = Math.min(endsAt, decideAt, isBefore ? lookBefore : Number.POSITIVE_INFINITY);
    const { ID, Namespace } = watch.allocation;
    const held = await nomad.watchAllocation(ID, Namespace, hold(watch.index, holdSeconds, lookAt));
    const isLeft = held && isLive(held.value) && held.value.ClientStatus !== "unknown";
    return isLeft && clock.now() < lookAt ? { ...watch, index: held.index } : undefined;
  };
  const look = (watch: Look["next"], most: number): Promise<Look> =>
    viewDrain(nomad, clock, target, {
      hold: watch?.on === "node" ? hold(watch.index, most, Math.min(endsAt, decideAt)) : undefined,
      isProbablyEmpty: watch?.on === "allocation" || empty !== undefined,
      empty,
    });

  let verdict: Verdict = drain;
  const isCrowded = round.underWay > mostHolding;
  let watch: Look["next"] = isCrowded ? undefined : round.seen?.watch;
  let most = longestHold(round.seen?.left ?? []);
  let emptySince: number | undefined;
  let empty: DrainView | undefined;
  do {
    const lookedAt = clock.now();
    try {
      const same = watch?.on === "allocation" ? await awaitAllocation(watch) : undefined;
      if (same) {
        watch = same;
        const pause = leastBetweenWaits - (clock.now() - lookedAt);
        if (pause > 0) await clock.sleep(pause);
        continue;
      }
      const { view, next } = await look(watch, most);
      const left = [...view.live, ...view.finishing].filter((each) => concerns(drain.pass, each));
      const isEmpty = left.length === 0;
      emptySince = isEmpty ? (emptySince ?? clock.now()) : undefined;
      const before = verdict.blockers;
      verdict = judgeDrain({ ...view, emptySince }, drain, clock.now());
      if (verdict.status === "drained") {
        // Nomad has stopped them by now: whom it met is what the look before saw.
        if (verdict.outcome === "forced" && verdict.blockers.length === 0) {
          verdict = { ...verdict, blockers: before };
        }
        break;
      }
      if (!isEmpty && isCrowded) return holdNobody(verdict);
      empty = isEmpty && view.claims.length === 0 && view.pulling.length === 0 ? view : undefined;
      watch = next;
      most = longestHold(left);
      const pause = watch ? leastBetweenLooks - (clock.now() - lookedAt) : pollMilliseconds;
      if (pause > 0) await clock.sleep(pause);
    } catch (error) {
      if (!(error instanceof ClusterFailure) || error.kind === "rejected") throw error;
      verdict = { ...verdict, status: "draining", explanation: `${error.message}.` };
      if (error.kind === "busy") return holdNobody(verdict);
      round.onFailure(error);
      if (isHookRunningOut(hook, clock.now())) {
        verdict = {
          ...verdict,
          status: "drained",
          outcome: "forced",
          explanation: `The hook lives no longer, and Nomad cannot be asked: ${error.message}.`,
        };
        break;
      }
      watch = undefined;
      empty = undefined;
      await clock.sleep(outagePauseMilliseconds);
    }
  } while (clock.now() < endsAt);
  return { verdict, waitSeconds: 0 };
};
