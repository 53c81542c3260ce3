import { autoScalingClient } from "../clients/auto-scaling.ts";
import { executionsClient } from "../clients/executions.ts";
import { instanceTagsClient } from "../clients/instance-tags.ts";
import { dynamoRecords } from "../clients/records.ts";
import { clusterTag, holdTag, hookPrefix, poolTag } from "../retire/hook-names.ts";
import type { Hook } from "../retire/retirement.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { type Begun, retirementsOf } from "./begin-retirement.ts";
import { envelope, type LifecycleEvent, parseEvent } from "./events.ts";

/** What became of an event, for the log and for tests. */
export type Outcome = Begun | { readonly outcome: "dropped" | "held"; readonly why: string };

/**
 * An event becomes a retirement: one owner, one execution. EventBridge delivers
 * at least once, and several sources speak of the same instance, so every step
 * can meet what an earlier delivery has done already.
 */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("intake", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  const autoScaling = autoScalingClient(surroundings);
  const executions = executionsClient(surroundings);
  const tags = instanceTagsClient(surroundings);
  const cluster = settings.DROVER_CLUSTER;
  const stateMachine = settings.DROVER_STATE_MACHINE;

  /** The pool and the hook's limits; undefined when the group is not ours. */
  const lookUp = async (
    event: LifecycleEvent,
  ): Promise<{ pool: string; hook: Hook } | undefined> => {
    if (!event.hook.name.startsWith(hookPrefix(cluster))) return undefined;
    const [groupTags, hooks] = await Promise.all([
      autoScaling.groupTags(event.group),
      autoScaling.terminationHooks(event.group),
    ]);
    const pool = groupTags.get(poolTag);
    if (!pool || groupTags.get(clusterTag) !== cluster) return undefined;
    const limits = hooks.find((hook) => hook.name === event.hook.name);
    // Removed since: it waits on with the limits it had. These are AWS's defaults.
    const { heartbeatSeconds, globalSeconds } = limits ?? {
      heartbeatSeconds: 3600,
      globalSeconds: 48 * 3600,
    };
    const deadline = new Date(Date.parse(event.since) + globalSeconds * 1000).toISOString();
    return { pool, hook: { ...event.hook, heartbeatSeconds, startedAt: event.since, deadline } };
  };

  const retirements = retirementsOf(surroundings, { records, executions, stateMachine });

  return task(surroundings, envelope, async (event, { log, metrics }): Promise<Outcome> => {
    const drop = (why: string): Outcome => {
      metrics.report("none", { EventsDropped: 1 });
      log.info("dropped an event", { why, event: event.id });
      return { outcome: "dropped", why };
    };
    const parsed = parseEvent(event);
    if ("dropped" in parsed) return drop(parsed.dropped);
    const found = await lookUp(parsed);
    if (!found) return drop(`hook ${parsed.hook.name} of group ${parsed.group} is not ours`);

    const arn = `arn:aws:ec2:${event.region}:${event.account}:instance/${parsed.instanceId}`;
    if ((await tags.read(arn)).has(holdTag)) {
      metrics.report(found.pool, { InstancesHeld: 1 });
      log.warn("the instance is held by its tag: its hook is left alone", {
        instance: parsed.instanceId,
      });
      return { outcome: "held", why: `the tag ${holdTag}` };
    }
    const outcome = await retirements.begin({ ...parsed, ...found }, parsed.hook.token.slice(0, 8));
    log.info(`retirement ${outcome.outcome}`, {
      instance: parsed.instanceId,
      pool: found.pool,
      ...outcome,
    });
    return outcome;
  });
};

export const handler = wired(createHandler);
