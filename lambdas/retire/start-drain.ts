import * as v from "valibot";
import { connectCluster } from "../clients/cluster.ts";
import type { NomadNode } from "../clients/nomad.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { drainMark, isDrainOf } from "./drain-mark.ts";
import { type Drain, drain, node, retirement } from "./retirement.ts";
import { drainDeadlineSeconds, giveUpAt, systemDeadlineSeconds } from "./rules/deadlines.ts";
import { concerns } from "./rules/judge-drain.ts";

const input = v.object({
  pass: drain.entries.pass,
  retirement: v.object({
    ...retirement.entries,
    node: v.object({ ...node.entries, id: v.string() }),
    drain: v.optional(drain),
  }),
});

/**
 * What of a drain that is under way or over already makes posting another one
 * wrong: posting again would begin its deadline anew.
 *
 * @param wantedUntil - when our own drain would end (ms)
 */
const adopt = (
  node: NomadNode,
  execution: string,
  pass: Drain["pass"],
  wantedUntil: number,
): { until: number; startedAt: number } | undefined => {
  const strategy = node.DrainStrategy;
  const ends = strategy?.ForceDeadline ? Date.parse(strategy.ForceDeadline) : undefined;
  if (isDrainOf(node.LastDrain, execution, pass) && node.LastDrain) {
    const startedAt = Date.parse(node.LastDrain.StartedAt);
    // Over already: an earlier call of this task posted it and died before it could say so.
    if (!strategy) return { until: Date.parse(node.LastDrain.UpdatedAt), startedAt };
    if (ends !== undefined) return { until: ends, startedAt };
  }
  // A person's own drain is left alone if it ends in time; one without a deadline never does.
  const endsInTime = ends !== undefined && ends <= wantedUntil;
  if (strategy && endsInTime && (pass === "work" || !strategy.IgnoreSystemJobs)) {
    return { until: ends, startedAt: Date.parse(strategy.StartedAt) };
  }
  return undefined;
};

/**
 * Begins one pass of the drain, once: the node is read first, and a drain that
 * is ours is not posted again.
 */
export const createHandler = (surroundings: Surroundings) => {
  const { nomad } = connectCluster(surroundings);
  const { clock } = surroundings;

  return task(surroundings, input, async ({ pass, retirement }, { log }): Promise<Drain> => {
    const { node, settings, execution, hook } = retirement;
    const [found, allocations] = await Promise.all([
      nomad.readNode(node.id),
      nomad.liveAllocations(node.id),
    ]);
    const now = clock.now();
    const live = allocations.value.filter((allocation) => concerns(pass, allocation));
    const answer = (more: Partial<Drain>): Drain => ({
      pass,
      status: "draining",
      outcome: pass === "system" ? (retirement.drain?.outcome ?? "clean") : "clean",
      explanation: "The drain has begun.",
      beganAt: retirement.drain?.beganAt ?? new Date(now).toISOString(),
      startedAt: new Date(now).toISOString(),
      endedAt: new Date(now).toISOString(),
      until: new Date(now).toISOString(),
      giveUpAt: new Date(now).toISOString(),
      waitSeconds: 0,
      blockers: [],
      cutOff: retirement.drain?.cutOff ?? [],
      allocations: pass === "system" ? (retirement.drain?.allocations ?? 0) : live.length,
      ...more,
    });
    if (!found) {
      return answer({
        status: "drained",
        outcome: "none",
        explanation: "Nomad does not know the node any more.",
      });
    }
    if (pass === "system" && live.length === 0) {
      return answer({ status: "drained", explanation: "No system job runs here." });
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
    const adopted = adopt(found.value, execution, pass, wantedUntil);
    if (!adopted) {
      await nomad.drain(node.id, {
        deadlineSeconds: seconds,
        ignoreSystemJobs: pass === "work",
        meta: drainMark(execution, pass),
      });
      log.info("posted the drain", { pass, deadlineSeconds: seconds, allocations: live.length });
    }
    const until = adopted?.until ?? wantedUntil;
    return answer({
      startedAt: new Date(adopted?.startedAt ?? now).toISOString(),
      until: new Date(until).toISOString(),
      giveUpAt: new Date(giveUpAt(until, hook)).toISOString(),
      endedAt: undefined,
      explanation: adopted ? "A drain was under way already." : "The drain has begun.",
    });
  });
};

export const handler = wired(createHandler);
