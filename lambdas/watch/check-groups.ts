import * as v from "valibot";
import { type Group, groupsClient, type GroupHook } from "../clients/groups.ts";
import { instanceTagsClient } from "../clients/instance-tags.ts";
import { poolParametersClient } from "../clients/pool-parameters.ts";
import { parameterSwitches } from "../clients/switches.ts";
import { clusterTag, holdTag, hookPrefix, poolTag } from "../retire/hook-names.ts";
import { SettingsRefused } from "../runtime/errors.ts";
import type { PoolSettings } from "../runtime/pool-settings.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { about, type CheckedGroups, type Finding, type SampledPool } from "./findings.ts";
import { resumeCommand } from "./rules/commands.ts";
import { judgeHooks } from "./rules/judge-hooks.ts";
import { judgeSettings } from "./rules/judge-settings.ts";
import { judgeStranger, judgeTags, poolOf } from "./rules/judge-tags.ts";
import { sample } from "./rules/sample.ts";

/** It needs nothing: what is to be checked is in the account. */
const input = v.strictObject({});

/** How many instances of a pool are looked for in Nomad and Consul. */
const samples = 3;

/** Groups without our tags whose hooks are read, one call each; more would take longer than the function may. */
const mostStrangers = 500;

/** Calls to Auto Scaling at the same time: its limits are unknown, and others need them too. */
const together = 4;

const inTurns = async <T, R>(list: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = [];
  for (let from = 0; from < list.length; from += together) {
    results.push(...(await Promise.all(list.slice(from, from + together).map(work))));
  }
  return results;
};

/** Whether the groups are as Drover needs them: tags, hooks, settings, and what others do to them. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const cluster = settings.DROVER_CLUSTER;
  const clusterSlots = settings.DROVER_CLUSTER_SLOTS;
  const inventory = groupsClient(surroundings);
  const tags = instanceTagsClient(surroundings);
  const switches = parameterSwitches(surroundings, settings);
  const parameters = poolParametersClient(surroundings, settings);

  const checkStop = async (): Promise<Finding> => {
    const { ok, warning } = about("stop", settings.DROVER_STOP_PARAMETER);
    if (!(await switches.isStopped())) return ok("Drover goes");
    return warning(
      `the parameter does not say "go": Drover holds still, and hooks run to their limits`,
      `set it to "go" when the reason is over; whoever set it may have left a note`,
    );
  };

  const readPool = async (pool: string): Promise<PoolSettings | Finding> => {
    try {
      return (await switches.read(pool)).settings;
    } catch (error) {
      if (!(error instanceof SettingsRefused)) throw error;
      return about("settings", pool).error(
        error.message,
        `no instance of the pool can be retired until the parameter ${settings.DROVER_POOL_PARAMETERS}${pool} is corrected`,
      );
    }
  };

  const checkPool = async (
    group: Group,
    pool: string,
    hooks: readonly GroupHook[],
  ): Promise<{
    readonly findings: Finding[];
    readonly sampled: SampledPool;
    readonly observeOnly: boolean;
  }> => {
    const read = await readPool(pool);
    const isRead = "slots" in read;
    const hook = hooks.find(
      ({ name, transition }) =>
        name.startsWith(hookPrefix(cluster)) && transition === "terminating",
    );
    return {
      findings: isRead
        ? judgeSettings({ pool, settings: read, group, hook, clusterSlots })
        : [read],
      sampled: {
        pool,
        group: group.name,
        slots: isRead ? read.slots : null,
        instances: sample(group.inService, samples),
      },
      observeOnly: isRead && read.observeOnly,
    };
  };

  const checkRefresh = async ({ name, suspended }: Group): Promise<Finding[]> => {
    const { warning } = about("refresh", name);
    const status = await inventory.refreshUnderWay(name);
    return [
      ...(status === undefined
        ? []
        : [
            warning(
              `an instance refresh is under way (${status}): it ends instances at its own pace, and each of them waits for its slot`,
              "let it end before you change anything else of the pool, or cancel it",
            ),
          ]),
      ...(suspended.includes("Terminate")
        ? [
            warning(
              `the process Terminate is suspended: no instance leaves`,
              `resume it when the reason is over: \`${resumeCommand(name)}\``,
            ),
          ]
        : []),
    ];
  };

  const checkGroup = async (group: Group, withParameter: ReadonlySet<string>) => {
    const [hooks, refresh] = await Promise.all([
      inventory.hooksOf(group.name),
      checkRefresh(group),
    ]);
    const findings = [...judgeHooks(cluster, group.name, hooks), ...refresh];
    const pool = poolOf(group);
    if (pool === undefined) return { findings, pools: [] };
    const { findings: ofPool, sampled, observeOnly } = await checkPool(group, pool, hooks);
    findings.push(...ofPool);
    if (findings.length === 0) {
      const count = group.inService.length;
      const kind = observeOnly ? ", observe-only" : "";
      const settings = withParameter.has(pool) ? "settings" : "settings (the defaults)";
      findings.push(
        about("groups", group.name).ok(
          `it is the pool ${pool}${kind}, with ${count} ${count === 1 ? "instance" : "instances"} in service; its hook, tags and ${settings} are right`,
        ),
      );
    }
    return { findings, pools: [sampled] };
  };

  const checkStrangers = async (ours: readonly Group[]): Promise<Finding[]> => {
    const known = new Set(ours.map(({ name }) => name));
    const others = (await inventory.all()).filter(({ name }) => !known.has(name));
    const looked = others.slice(0, mostStrangers);
    const findings = await inTurns(looked, async (group) =>
      judgeStranger(cluster, group, await inventory.hooksOf(group.name)),
    );
    if (looked.length < others.length) {
      findings.push([
        about("tags", "other groups").warning(
          `of ${others.length} groups without the tags of this cluster only ${looked.length} were looked at`,
          `see to it that none of the others has a hook that begins with "${hookPrefix(cluster)}"`,
        ),
      ]);
    }
    return findings.flat();
  };

  /** A parameter whose pool no group is may be meant for one whose tag says another name. */
  const checkUnused = (withParameter: ReadonlySet<string>, ours: readonly Group[]): Finding[] => {
    const pools = new Set(ours.map(poolOf));
    return [...withParameter]
      .filter((pool) => !pools.has(pool))
      .map((pool) =>
        about("settings", pool).warning(
          `there is the parameter ${settings.DROVER_POOL_PARAMETERS}${pool}, and no group says by its tag ${poolTag} that it is this pool`,
          "correct the tag of the group for which it is meant (until then that one has the default settings), or remove the parameter",
        ),
      );
  };

  const checkHeld = async (ours: readonly Group[]): Promise<Finding[]> => {
    const held = new Set(await tags.carriers(holdTag));
    return ours
      .flatMap(({ inService }) => inService)
      .filter((id) => held.has(id))
      .map((id) =>
        about("hold", id).warning(
          `the instance carries the tag ${holdTag}: when its group terminates it, it ends undrained`,
          "remove the tag when the reason is over; to keep the instance, protect it from scale-in",
        ),
      );
  };

  return task(surroundings, input, async (): Promise<CheckedGroups> => {
    const stop = await checkStop();
    const ours = await inventory.tagged(clusterTag, cluster);
    const withParameter = await parameters.pools();
    const each = await inTurns(ours, (group) => checkGroup(group, withParameter));
    const findings = [
      stop,
      ...judgeTags(cluster, ours),
      ...each.flatMap((one) => one.findings),
      ...checkUnused(withParameter, ours),
      ...(await checkStrangers(ours)),
      ...(await checkHeld(ours)),
    ];
    if (ours.length === 0) {
      findings.push(
        about("groups", cluster).warning(
          `no Auto Scaling group has the tag ${clusterTag}=${cluster}: there is nothing that Drover could look after`,
          "make a group a pool: drover.manage in the CDK app, or its two tags and its hook (examples/README.md)",
        ),
      );
    }
    return { findings, slots: clusterSlots, pools: each.flatMap((one) => one.pools) };
  });
};

export const handler = wired(createHandler);
