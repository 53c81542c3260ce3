import * as v from "valibot";
import { recordsReader } from "../clients/all-records.ts";
import { autoScalingClient, type TerminationHook } from "../clients/auto-scaling.ts";
import { executionsClient, type ExecutionStatus } from "../clients/executions.ts";
import { instanceTagsClient } from "../clients/instance-tags.ts";
import { type Member, membersClient } from "../clients/members.ts";
import { dynamoRecords } from "../clients/records.ts";
import { clusterTag, holdTag, retireHookName } from "../retire/hook-names.ts";
import { isSlot } from "../retire/rules/allot-slot.ts";
import { parseSettings } from "../runtime/settings.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import { describeMark, functionsSeconds } from "./describe-mark.ts";
import { inTurns } from "./in-turns.ts";
import { type LookAtAws, lookAtAws, mostOfAKind, type UnknownPart } from "./reconciliation.ts";
import { findDeadLeases } from "./rules/find-dead-leases.ts";
import { findMarked, hasEnded } from "./rules/find-marks.ts";
import { findOrphans, isWaiting } from "./rules/find-orphans.ts";
import { parseRequest } from "./rules/parse-request.ts";
import { takeRun } from "./take-run.ts";

const input = v.object({
  input: v.unknown(),
  execution: v.string(),
  /** The first look, when this is the second. */
  aws: v.optional(lookAtAws),
});

/** In which an event that is on its way has come, and its execution has started. */
const recentSeconds = 60;

const messageOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);

/** Who takes care of what, as AWS and our own records say. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("intake", surroundings.env);
  const { clock } = surroundings;
  const cluster = settings.DROVER_CLUSTER;
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  const allRecords = recordsReader(surroundings, settings.DROVER_TABLE);
  const autoScaling = autoScalingClient(surroundings);
  const groupMembers = membersClient(surroundings);
  const executions = executionsClient(surroundings);
  const tags = instanceTagsClient(surroundings);

  const statusesOf = async (
    asked: readonly string[],
  ): Promise<ReadonlyMap<string, ExecutionStatus>> => {
    const found = new Map<string, ExecutionStatus>();
    if (asked.length === 0) return found;
    const running = await executions.running(settings.DROVER_STATE_MACHINE);
    for (const execution of asked) if (running.has(execution)) found.set(execution, "running");
    const others = asked.filter((execution) => !found.has(execution));
    // Missing in the list says nothing.
    await inTurns(others, async (execution) =>
      found.set(execution, await executions.status(execution)),
    );
    return found;
  };

  const hooksOf = async (waiting: readonly Member[]) => {
    const found = new Map<string, TerminationHook>();
    const groups = [...new Set(waiting.map(({ group }) => group))];
    await inTurns(groups, async (group) => {
      const hooks = await autoScaling.terminationHooks(group);
      const ours = hooks.find(({ name }) => name === retireHookName(cluster));
      if (ours) found.set(group, ours);
    });
    return found;
  };

  return task(surroundings, input, async ({ input: asked, execution, aws: first }, { log }) => {
    const mode = parseRequest(asked);
    const isSecond = first !== undefined;
    const nothing = {
      mode,
      waitSeconds: 0,
      isSecond,
      asksCluster: false,
      orphans: [],
      held: [],
      leases: [],
      marks: [],
      inService: 0,
    };
    if (mode === "repair" && !(await takeRun(clock, records, executions, execution))) {
      const explanation = "Another run is under way, and does what there is to do.";
      return { ...nothing, next: "leave", explanation, unknown: [] } satisfies LookAtAws;
    }

    const unknown: UnknownPart[] = [];
    const attempt = async <T>(part: string, look: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await look();
      } catch (error) {
        log.warn(`${part} did not answer`, { why: messageOf(error) });
        unknown.push({ part, why: messageOf(error) });
        return undefined;
      }
    };
    const inGroups = await attempt("Auto Scaling", () =>
      groupMembers.ofGroupsTagged(clusterTag, cluster),
    );
    const known = await attempt("the records", () => allRecords.read());
    const waiting = inGroups?.filter(isWaiting);
    const slots = known?.leases.filter(({ key, until }) => isSlot(key) && until >= clock.now());
    const ids = new Set(waiting?.map(({ instanceId }) => instanceId));
    const inQuestion = new Set([
      ...(known?.owned ?? [])
        .filter(({ instanceId, phase }) => ids.has(instanceId) || phase === "retiring")
        .map((record) => record.execution),
      ...(slots ?? []).map(({ holder }) => holder),
    ]);
    const statusOf = known && (await attempt("Step Functions", () => statusesOf([...inQuestion])));

    const findAll = async () => {
      if (!waiting || !known || !statusOf || waiting.length === 0) return [];
      const isOwned = new Map(
        known.owned.map((record) => [record.instanceId, statusOf.get(record.execution)]),
      );
      const candidates = waiting.filter(({ instanceId }) => isOwned.get(instanceId) !== "running");
      if (candidates.length === 0) return [];
      const hooks = await hooksOf(candidates);
      return findOrphans({
        members: candidates,
        owned: known.owned,
        statusOf,
        hooks,
        now: clock.now(),
      });
    };
    const found = (await attempt("lifecycle hooks", findAll)) ?? [];
    const marked =
      inGroups && known && statusOf
        ? findMarked({ members: inGroups, owned: known.owned, statusOf }).slice(0, mostOfAKind)
        : [];
    const marks = await attempt("histories", () =>
      inTurns(marked, (each) => describeMark(executions, each, clock.now())),
    );
    const carriers =
      found.length + marked.length > 0
        ? await attempt("tags", async () => new Set(await tags.carriers(holdTag)))
        : new Set<string>();
    // Who may be held is left alone.
    const free = carriers ? found.filter(({ instanceId }) => !carriers.has(instanceId)) : [];
    const held = carriers ? found.filter(({ instanceId }) => carriers.has(instanceId)) : [];
    const leases = statusOf && slots ? findDeadLeases(slots, statusOf, clock.now()) : [];

    const seenBefore = new Set([
      ...(first?.orphans ?? []).map(({ instanceId }) => instanceId),
      ...(first?.leases ?? []).map(({ key, holder }) => `${key} ${holder}`),
    ]);
    const isToWaitFor = ({ isRecent }: { readonly isRecent: boolean }) => isRecent && !isSecond;
    const isSettled = (id: string, isRecent: boolean) =>
      !isRecent || !isSecond || seenBefore.has(id);
    const orphans = free
      .filter(({ instanceId, isRecent }) => isSettled(instanceId, isRecent))
      .slice(0, mostOfAKind);
    const dead = leases
      .filter(({ key, holder, isRecent }) => isSettled(`${key} ${holder}`, isRecent))
      .slice(0, mostOfAKind);
    const count = orphans.length + dead.length;
    const inService = inGroups?.filter(({ lifecycleState }) => lifecycleState === "InService");
    const unheld = (marks ?? []).filter(
      ({ instanceId, isRecent }) =>
        carriers !== undefined && !carriers.has(instanceId) && !(isRecent && isSecond),
    );
    const isOnItsWay = orphans.some(isToWaitFor) || dead.some(isToWaitFor);
    const isToLookAgain = isOnItsWay || unheld.some(isToWaitFor);
    const isOver = inGroups && known && hasEnded({ members: inGroups, owned: known.owned });
    const asksCluster = unheld.length > 0 || isOver === true;
    const next = isToLookAgain
      ? "look-again"
      : count > 0 && mode === "repair"
        ? "repair"
        : asksCluster
          ? "look-at-cluster"
          : "report";
    const explanation = isToLookAgain
      ? "An event, an execution or a call may be on its way: looks again before it does anything."
      : `${orphans.length} instances wait without an owner, ${dead.length} slots are held by the dead.`;
    log.info(explanation, { held: held.length, unknown: unknown.length });
    return {
      ...nothing,
      next,
      explanation,
      waitSeconds: unheld.some(isToWaitFor) ? functionsSeconds : isToLookAgain ? recentSeconds : 0,
      orphans,
      held: held.map(({ instanceId }) => instanceId).slice(0, mostOfAKind),
      leases: dead,
      asksCluster,
      marks: unheld,
      inService: inService?.length ?? 0,
      unknown,
    } satisfies LookAtAws;
  });
};

export const handler = wired(createHandler);
