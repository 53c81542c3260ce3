import type { Clock } from "../../../lambdas/runtime/clock.ts";
import type { Agenda } from "../../agenda.ts";
import {
  drainingJobs,
  firstsOf,
  isDrained,
  judgeJob,
  remainingAllocs,
  type DrainRules,
} from "./drain-jobs.ts";
import type { Leadership } from "../hashicorp/leadership.ts";
import type { NodeWrites } from "./nodes.ts";
import type { Allocation, DrainStrategy, Node } from "./records.ts";
import { isClientTerminal, jobKeyOf } from "./records.ts";
import type { Scheduler } from "./scheduler.ts";
import type { State } from "./state.ts";

/** Marks for migration are collected this long: why the first migration starts after a second. */
const BATCH_WINDOW = 1000;
/** The job watcher looks as often as this a second, after a burst of as many. */
const LOOKS_PER_SECOND = 100;

/**
 * The leader's drainer. It keeps three things whose seams show from outside: a
 * list of draining nodes with their deadlines, a list of the jobs on them, and
 * one worker that does everything in turn. A node's drain is only looked at
 * again when one of the *watched* jobs has an allocation ended there, when its
 * strategy changes, or at its deadline; hence the drains that stay open.
 */
export const createDrainer = (deps: {
  state: State;
  writes: NodeWrites;
  scheduler: Scheduler;
  clock: Clock;
  agenda: Agenda;
  leadership: Leadership;
  rules: DrainRules;
}): void => {
  const { state, writes, scheduler, clock, agenda, leadership, rules } = deps;
  const tracked = new Map<string, { strategy: DrainStrategy; cancelDeadline: () => void }>();
  const jobs = new Set<string>();
  let work: Promise<void> = Promise.resolve();

  // The job watcher's memory.
  const touched = new Set<Allocation>();
  let registered = false;
  let handledIndex = 1;
  let looking = false;

  const isCurrent = (term: number) => leadership.term === term && leadership.name !== undefined;

  /** One thing after the other; what was begun under another leader is dropped. */
  const enqueue = (task: () => Promise<void>): Promise<void> => {
    const term = leadership.term;
    work = work.then(() => (isCurrent(term) ? task() : undefined));
    return work;
  };

  const mark = (allocs: readonly Allocation[]) => {
    if (allocs.length === 0) return;
    for (const alloc of allocs) alloc.DesiredTransition = { Migrate: true };
    state.putAllocs(allocs, clock.now());
    for (const alloc of allocs) scheduler.evaluate(jobKeyOf(alloc), alloc.NodeID);
  };

  const markInBatch = async (allocs: readonly Allocation[]) => {
    const term = leadership.term;
    await clock.sleep(BATCH_WINDOW);
    if (isCurrent(term)) mark(allocs);
  };

  const complete = (nodeId: string, deadlineReached: boolean) => {
    const node = state.nodes.get(nodeId);
    if (node?.DrainStrategy) writes.completeDrain(node, deadlineReached);
  };

  const finishIfDrained = (nodeId: string) => {
    if (!tracked.has(nodeId) || !isDrained(state, nodeId)) return;
    mark(remainingAllocs(state, nodeId));
    complete(nodeId, false);
  };

  const meetDeadline = async (nodeId: string) => {
    if (!tracked.has(nodeId)) return;
    const remaining = remainingAllocs(state, nodeId);
    // The drain is declared complete without waiting for what was just told to stop.
    await markInBatch(remaining);
    complete(nodeId, true);
  };

  let looks = LOOKS_PER_SECOND;
  let lookedAt = clock.now();
  const delayLook = (): number => {
    const earned = ((clock.now() - lookedAt) / 1000) * LOOKS_PER_SECOND;
    looks = Math.min(LOOKS_PER_SECOND, looks + earned) - 1;
    lookedAt = clock.now();
    return looks >= 0 ? 1 : (-looks / LOOKS_PER_SECOND) * 1000;
  };

  const lookAtJobs = async () => {
    const term = leadership.term;
    while (isCurrent(term) && (touched.size > 0 || registered)) {
      await clock.sleep(delayLook());
      if (!isCurrent(term)) return;
      const all = registered;
      const lastHandled = all ? 1 : handledIndex;
      const fresh = [...touched].filter((alloc) => alloc.ModifyIndex > lastHandled);
      registered = false;
      touched.clear();
      if (!all && fresh.length === 0) continue;
      handledIndex = state.tableIndex("allocs");

      const ended = new Set<string>();
      const note = (alloc: Allocation) => {
        const isDraining = state.nodes.get(alloc.NodeID)?.DrainStrategy != null;
        if (isDraining && isClientTerminal(alloc) && jobs.has(jobKeyOf(alloc)))
          ended.add(alloc.NodeID);
      };
      const drain: Allocation[] = [];
      const finished: string[] = [];
      for (const key of jobs) {
        const job = state.jobs.get(key);
        // A purged job is no longer watched, and its end on the node goes unnoticed.
        if (!job || job.Type === "system") {
          jobs.delete(key);
          continue;
        }
        const verdict = judgeJob(state, job, rules);
        drain.push(...verdict.drain);
        if (verdict.done) finished.push(key);
      }
      for (const alloc of fresh) note(alloc);
      if (all)
        for (const nodeId of tracked.keys())
          for (const alloc of state.allocsByNode(nodeId)) note(alloc);
      for (const key of finished) jobs.delete(key);

      if (drain.length > 0) {
        await enqueue(() => markInBatch(drain));
        handledIndex = state.tableIndex("allocs");
      }
      if (ended.size > 0) {
        await enqueue(async () => {
          for (const nodeId of ended) finishIfDrained(nodeId);
        });
      }
    }
  };

  const look = () => {
    if (looking) return;
    looking = true;
    void lookAtJobs().finally(() => {
      looking = false;
      if (leadership.name !== undefined && (touched.size > 0 || registered)) look();
    });
  };

  const untrack = (nodeId: string) => {
    tracked.get(nodeId)?.cancelDeadline();
    tracked.delete(nodeId);
  };

  const track = (node: Node, strategy: DrainStrategy) => {
    untrack(node.ID);
    let cancelDeadline: () => void = () => undefined;
    if (strategy.Deadline !== 0) {
      // A negative deadline forces at once.
      const wait = strategy.Deadline < 0 ? 0 : Date.parse(strategy.ForceDeadline!) - clock.now();
      cancelDeadline = agenda.after(Math.max(0, wait), () => {
        void enqueue(() => meetDeadline(node.ID));
      });
    }
    tracked.set(node.ID, { strategy, cancelDeadline });
    for (const key of drainingJobs(state, node.ID)) {
      if (jobs.has(key)) continue;
      jobs.add(key);
      registered = true;
    }
    if (rules.maxParallel === "ignored" && tracked.size > 1) {
      const own = state.liveByNode(node.ID);
      void markInBatch(
        [...drainingJobs(state, node.ID)].flatMap((key) => firstsOf(state, key, own)),
      );
    }
    finishIfDrained(node.ID);
    if (registered) look();
  };

  const isSame = (one: DrainStrategy, other: DrainStrategy) =>
    one.Deadline === other.Deadline &&
    one.IgnoreSystemJobs === other.IgnoreSystemJobs &&
    one.ForceDeadline === other.ForceDeadline;

  const seeNode = (node: Node) => {
    if (leadership.name === undefined) return;
    const present = state.nodes.get(node.ID);
    const known = tracked.get(node.ID);
    if (!present?.DrainStrategy) return untrack(node.ID);
    if (!known || !isSame(known.strategy, present.DrainStrategy))
      track(present, present.DrainStrategy);
  };

  // In a turn of its own: the watcher is another thread than the one that writes.
  state.onNode((node) => agenda.after(1, () => seeNode(node)));

  state.onAlloc((alloc) => {
    if (!jobs.has(jobKeyOf(alloc))) return;
    touched.add(alloc);
    if (leadership.name !== undefined) look();
  });

  leadership.onChange((led) => {
    for (const nodeId of tracked.keys()) untrack(nodeId);
    jobs.clear();
    touched.clear();
    registered = false;
    handledIndex = 1;
    work = Promise.resolve();
    if (!led) return;
    for (const node of state.nodes.values()) if (node.DrainStrategy) seeNode(node);
  });
};
