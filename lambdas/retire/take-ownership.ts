import * as v from "valibot";
import { type AutoScaling, autoScalingClient } from "../clients/auto-scaling.ts";
import { type Executions, executionsClient } from "../clients/executions.ts";
import { dynamoRecords, type Ownership, type Records } from "../clients/records.ts";
import { parameterSwitches } from "../clients/switches.ts";
import { AlreadyOwned, InputRefused, SettingsRefused } from "../runtime/errors.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { clusterTag, hookPrefix, poolTag } from "./hook-names.ts";
import { type Hook, node, type Retirement, retirement } from "./retirement.ts";
import { heldWaitSeconds, isHookRunningOut } from "./rules/deadlines.ts";
import { type ByHand, parseOrder } from "./rules/parse-order.ts";

/** One that has come beyond this step before, and waited for its node. */
const begun = v.looseObject({ ...retirement.entries, node });

const input = v.object({ input: v.unknown(), execution: v.string(), startedAt: v.string() });

type Claim = Omit<Retirement, "execution" | "settings" | "stopped">;

/** The hook that an instance waits under already, when its event was lost. */
const findHook = async (
  autoScaling: AutoScaling,
  group: string,
  prefix: string,
  now: number,
): Promise<Hook | null> => {
  const hooks = await autoScaling.terminationHooks(group);
  const ours = hooks.find((hook) => hook.name.startsWith(prefix));
  return ours
    ? {
        name: ours.name,
        heartbeatSeconds: ours.heartbeatSeconds,
        // It began earlier, nobody says when. If the limit is nearer than this,
        // Auto Scaling decides the hook with its default.
        startedAt: new Date(now).toISOString(),
        deadline: new Date(now + ours.globalSeconds * 1000).toISOString(),
      }
    : null;
};

/** What a person asked for, completed by what Auto Scaling says of the instance. */
const claimByHand = async (
  autoScaling: AutoScaling,
  cluster: string,
  { instanceId, capacity }: ByHand,
  now: number,
): Promise<Claim> => {
  const instance = await autoScaling.describeInstance(instanceId);
  if (!instance) {
    throw new InputRefused(
      `instanceId: no Auto Scaling group has ${instanceId}. Look it up in the console of EC2, in the region of Drover.`,
    );
  }
  const { group, lifecycleState } = instance;
  const tags = await autoScaling.groupTags(group);
  const pool = tags.get(poolTag);
  if (!pool || tags.get(clusterTag) !== cluster) {
    throw new InputRefused(
      `instanceId: the group ${group} of ${instanceId} is not managed by this Drover. Give the group the tags ${poolTag} and ${clusterTag}=${cluster} first.`,
    );
  }
  const isWaiting = lifecycleState === "Terminating:Wait";
  if (!isWaiting && lifecycleState !== "InService" && lifecycleState !== "Standby") {
    throw new InputRefused(
      `instanceId: ${instanceId} is ${lifecycleState}; only an instance that is InService, Standby or Terminating:Wait can be retired.`,
    );
  }
  return {
    instanceId,
    pool,
    group,
    reason: "started by a person",
    since: new Date(now).toISOString(),
    destination: "terminated",
    hook: isWaiting ? await findHook(autoScaling, group, hookPrefix(cluster), now) : null,
    capacity: isWaiting ? null : capacity,
  };
};

/** Of so many earlier retirements the reconciler looks for who has cordoned the node. */
const mostInherited = 5;

/**
 * What an earlier retirement has taken and not given back is this one's to give
 * back: it finds the node cordoned, and Nomad names nobody who did it.
 */
const inheritance = (known: Ownership | undefined): Pick<Ownership, "after"> => {
  const isOver = known?.phase !== "retiring" && (known?.left ?? []).length === 0;
  if (!known || isOver) return {};
  const { execution, since, after = [] } = known;
  return { after: [...after, { execution, since }].slice(-mostInherited) };
};

/**
 * Makes an execution the owner of an instance.
 *
 * @returns the hook as the record knows it
 * @throws AlreadyOwned when another execution that still runs has it
 */
const own = async (
  records: Records,
  executions: Pick<Executions, "status">,
  ownership: Ownership,
): Promise<Hook | null> => {
  const known = await records.read(ownership.instanceId);
  // Taken by intake for us, or by an earlier call: what another event has added
  // since must not be written over.
  if (known?.execution === ownership.execution && known.phase === "retiring") {
    return known.hook ?? ownership.hook;
  }
  const taken = { ...ownership, ...inheritance(known) };
  const owner = await records.take(taken);
  if (!owner) return ownership.hook;
  const status = await executions.status(owner.execution);
  if (status === "running") {
    throw new AlreadyOwned(
      `${ownership.instanceId} is being retired already, since ${owner.since} (${owner.reason}), by ${owner.execution}.`,
    );
  }
  // Its owner died without giving it back.
  const other = await records.take(taken, owner.execution);
  if (other)
    throw new AlreadyOwned(`${ownership.instanceId} was just taken by ${other.execution}.`);
  return ownership.hook;
};

/** Checks what was asked for, and makes this execution the owner of the instance. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  const autoScaling = autoScalingClient(surroundings);
  const executions = executionsClient(surroundings);
  const switches = parameterSwitches(surroundings, settings);
  const cluster = settings.DROVER_CLUSTER;
  const { clock } = surroundings;

  const claimOf = async (asked: unknown): Promise<Claim> => {
    // Back from waiting while Drover was stopped, or for its node.
    if (v.is(retirement, asked)) return asked;
    const { kind, order } = parseOrder(asked);
    return kind === "by event"
      ? { ...order, capacity: null }
      : claimByHand(autoScaling, cluster, order, clock.now());
  };

  return task(surroundings, input, async ({ input: asked, execution }, { log, metrics }) => {
    const claim = await claimOf(asked);
    const { instanceId, pool, group, reason, since, destination, capacity } = claim;
    const parsed = v.safeParse(begun, asked);
    const before = parsed.success ? parsed.output : undefined;
    // What has begun keeps the settings that it began with.
    const {
      settings: poolSettings,
      stopped: isStopped,
      wrong,
    } = before
      ? { settings: before.settings, stopped: await switches.isStopped() }
      : await switches.readRight(pool);
    // No hook that could not wait: a person sees it at once, and nothing is taken.
    if (wrong !== undefined && !claim.hook) throw new SettingsRefused(wrong);
    const hook = await own(records, executions, {
      instanceId,
      execution,
      pool,
      group,
      reason,
      since,
      phase: "retiring",
      hook: claim.hook,
    });
    log.info("owns the instance", { instance: instanceId, pool, reason, stopped: isStopped });
    if (wrong !== undefined) {
      log.error(wrong);
      metrics.report(pool, { SettingsRefused: 1 });
      // Auto Scaling would decide: the way out does, by what is right of the settings.
      if (isHookRunningOut(hook, clock.now())) throw new SettingsRefused(wrong);
    }
    const why = isStopped
      ? `Drover is stopped: set ${settings.DROVER_STOP_PARAMETER} to go.`
      : wrong && `Nothing begins: ${wrong}`;
    const { stopped: _stopped, ...known } = before ?? {};
    const answer: Retirement = {
      ...known,
      instanceId,
      pool,
      group,
      reason,
      since,
      execution,
      destination,
      hook,
      capacity,
      settings: poolSettings,
      ...(why && {
        stopped: { waitSeconds: heldWaitSeconds(since, hook, clock.now()), explanation: why },
      }),
    };
    return answer;
  });
};

export const handler = wired(createHandler);
