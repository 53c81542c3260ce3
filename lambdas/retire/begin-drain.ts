import type { AllocationStub, Nomad, NomadNode } from "../clients/nomad.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/logger.ts";
import { drainMark, isDrainOf } from "./drain-mark.ts";
import type { Drain, Retirement, Slot } from "./retirement.ts";
import { drainDeadlineSeconds, giveUpAt, systemDeadlineSeconds } from "./rules/deadlines.ts";
import { concerns, describeBlockers } from "./rules/judge-drain.ts";
import { chooseWatch, type Watch } from "./view-drain.ts";

/**
 * What of a drain that is under way or over already makes posting another one
 * wrong: posting again would begin its deadline anew.
 *
 * @param wanted - when our own drain would end (ms), and whether there is something
 *   on the node that is to run on
 */
const adopt = (
  node: NomadNode,
  execution: string,
  pass: Drain["pass"],
  wanted: { readonly until: number; readonly isRunOn: boolean },
): { until: number; startedAt: number } | undefined => {
  const strategy = node.DrainStrategy;
  const ends = strategy?.ForceDeadline ? Date.parse(strategy.ForceDeadline) : undefined;
  if (isDrainOf(node.LastDrain, execution, pass) && node.LastDrain) {
    const startedAt = Date.parse(node.LastDrain.StartedAt);
    // Over already: an earlier call of this task posted it and died before it could say
    // so. Unless somebody cancelled it, or let new work onto the node since.
    if (!strategy && !wanted.isRunOn) {
      return { until: Date.parse(node.LastDrain.UpdatedAt), startedAt };
    }
    if (ends !== undefined) return { until: ends, startedAt };
  }
  // A person's own drain is left alone if it ends in time; one without a deadline never does.
  const endsInTime = ends !== undefined && ends <= wanted.until;
  if (strategy && endsInTime && (pass === "work" || !strategy.IgnoreSystemJobs)) {
    return { until: ends, startedAt: Date.parse(strategy.StartedAt) };
  }
  return undefined;
};

/** A node whose drain is to begin. */
export interface DrainOrder {
  readonly pass: Drain["pass"];
  readonly nodeId: string;
  readonly retirement: Retirement;
  readonly slot: Slot;
  /** What is known of an earlier pass, or of the same one before an outage. */
  readonly before: Drain | undefined;
}

export interface BegunDrain {
  readonly drain: Drain;
  /**
   * Where the first wait goes on from, since everything that the pass waits for has
   * just been seen; undefined when there is nothing to wait for.
   */
  readonly seen: { readonly watch: Watch; readonly left: readonly AllocationStub[] } | undefined;
}

/**
 * Begins one pass of the drain, once: the node is read first, and a drain that
 * is ours is not posted again.
 *
 * @throws ClusterFailure
 */
export const beginDrain = async (
  { nomad, clock, log }: { readonly nomad: Nomad; readonly clock: Clock; readonly log: Log },
  { pass, nodeId, retirement, slot, before }: DrainOrder,
): Promise<BegunDrain> => {
  const { settings, execution, hook } = retirement;
  const [found, allocations] = await Promise.all([
    nomad.readNode(nodeId),
    nomad.liveAllocations(nodeId),
  ]);
  const now = clock.now();
  const live = allocations.value.filter((allocation) => concerns(pass, allocation));
  const answer = (more: Partial<Drain>): Drain => ({
    pass,
    slotTakenAt: slot.takenAt,
    status: "draining",
    // After an outage in between both passes are begun again: what was known stays.
    outcome: before?.outcome ?? "clean",
    explanation: "The drain has begun.",
    beganAt: before?.beganAt ?? new Date(now).toISOString(),
    startedAt: new Date(now).toISOString(),
    endedAt: new Date(now).toISOString(),
    until: new Date(now).toISOString(),
    giveUpAt: new Date(now).toISOString(),
    waitSeconds: 0,
    blockers: [],
    cutOff: before?.cutOff ?? [],
    allocations: before?.allocations ?? live.length,
    ...more,
  });
  if (!found) {
    const explanation = "Nomad does not know the node any more.";
    const outcome = before?.outcome ?? "none";
    return { drain: answer({ status: "drained", outcome, explanation }), seen: undefined };
  }
  if (pass === "system" && live.length === 0) {
    const explanation = "No system job runs here.";
    return { drain: answer({ status: "drained", explanation }), seen: undefined };
  }

  const seconds =
    pass === "system"
      ? systemDeadlineSeconds(settings, hook, now)
      : drainDeadlineSeconds(
          settings,
          hook,
          live.some(({ JobType }) => JobType === "batch" || JobType === "sysbatch"),
          now,
        );
  const wantedUntil = now + seconds * 1000;
  const adopted = adopt(found.value, execution, pass, {
    until: wantedUntil,
    isRunOn: live.some(({ DesiredStatus }) => DesiredStatus === "run"),
  });
  let index: number | undefined = found.index;
  if (!adopted) {
    index = await nomad.drain(nodeId, {
      deadlineSeconds: seconds,
      ignoreSystemJobs: pass === "work",
      meta: drainMark(execution, pass),
    });
    log.info("posted the drain", { pass, deadlineSeconds: seconds, allocations: live.length });
  }
  const until = adopted?.until ?? wantedUntil;
  const drain = answer({
    startedAt: new Date(adopted?.startedAt ?? now).toISOString(),
    until: new Date(until).toISOString(),
    giveUpAt: new Date(giveUpAt(until, hook)).toISOString(),
    endedAt: undefined,
    explanation: adopted ? "A drain was under way already." : "The drain has begun.",
    blockers: describeBlockers([["still running", live]]),
  });
  // A node that is gone, or a drain that is over: the round looks at once.
  if (!index || (adopted && !found.value.DrainStrategy)) return { drain, seen: undefined };
  const watch = chooseWatch(live, true, { node: index, allocations: allocations.index });
  return { drain, seen: { watch, left: live } };
};
