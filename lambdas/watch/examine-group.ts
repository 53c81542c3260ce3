import type { Group, GroupHook, Groups } from "../clients/groups.ts";
import type { Switches } from "../clients/switches.ts";
import { hookPrefix } from "../retire/hook-names.ts";
import { SettingsRefused } from "../runtime/errors.ts";
import type { PoolSettings } from "../runtime/pool-settings.ts";
import type { RecordSettings } from "../runtime/settings.ts";
import { about, type Finding, type SampledPool } from "./findings.ts";
import { judgeHooks } from "./rules/judge-hooks.ts";
import { judgeRefresh } from "./rules/judge-refresh.ts";
import { judgeSettings } from "./rules/judge-settings.ts";
import { poolOf } from "./rules/judge-tags.ts";
import { sample } from "./rules/sample.ts";

/** How many instances of a pool are looked for in Nomad and Consul. */
const samples = 3;

export interface GroupSources {
  readonly settings: RecordSettings;
  readonly inventory: Groups;
  readonly switches: Switches;
  /** The pools that have a parameter with settings; undefined when that is not known. */
  readonly withParameter: ReadonlySet<string> | undefined;
}

export interface ExaminedGroup {
  readonly findings: Finding[];
  /** None when its tags name no pool. */
  readonly pools: SampledPool[];
}

const readPool = async (
  { settings, switches }: GroupSources,
  pool: string,
): Promise<PoolSettings | Finding> => {
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

const describe = (
  { inService }: Group,
  pool: string,
  { observeOnly }: PoolSettings,
  hasParameter: boolean,
): string => {
  const kind = observeOnly ? ", observe-only" : "";
  const instances = `${inService.length} ${inService.length === 1 ? "instance" : "instances"}`;
  const settings = hasParameter ? "settings" : "settings (the defaults)";
  return `it is the pool ${pool}${kind}, with ${instances} in service; its hook, tags and ${settings} are right`;
};

/** One group that carries the tag of this cluster: its hooks, its settings, and what others do to it. */
export const examineGroup = async (sources: GroupSources, group: Group): Promise<ExaminedGroup> => {
  const { settings, inventory, withParameter } = sources;
  const cluster = settings.DROVER_CLUSTER;
  const [hooks, refresh] = await Promise.all([
    inventory.hooksOf(group.name),
    inventory.refreshUnderWay(group.name),
  ]);
  const findings = [...judgeHooks(cluster, group.name, hooks), ...judgeRefresh(group, refresh)];
  const pool = poolOf(group);
  if (pool === undefined) return { findings, pools: [] };

  const read = await readPool(sources, pool);
  const sampled = { pool, group: group.name, instances: sample(group.inService, samples) };
  if (!("slots" in read)) {
    return { findings: [...findings, read], pools: [{ ...sampled, slots: null }] };
  }
  const isOurs = ({ name, transition }: GroupHook) =>
    name.startsWith(hookPrefix(cluster)) && transition === "terminating";
  findings.push(
    ...judgeSettings({
      pool,
      settings: read,
      group,
      hook: hooks.find(isOurs),
      clusterSlots: settings.DROVER_CLUSTER_SLOTS,
    }),
  );
  if (findings.length === 0) {
    const what = describe(group, pool, read, withParameter?.has(pool) ?? true);
    findings.push(about("groups", group.name).ok(what));
  }
  return { findings, pools: [{ ...sampled, slots: read.slots }] };
};
