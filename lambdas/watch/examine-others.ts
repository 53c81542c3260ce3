import type { Group, Groups } from "../clients/groups.ts";
import type { InstanceTags } from "../clients/instance-tags.ts";
import { holdTag, hookPrefix, poolTag } from "../retire/hook-names.ts";
import type { RecordSettings } from "../runtime/settings.ts";
import { about, type Finding } from "./findings.ts";
import { inTurns } from "./in-turns.ts";
import { judgeStranger, poolOf } from "./rules/judge-tags.ts";

/** Groups without our tags whose hooks are read, one call each; more would take longer than the function may. */
const mostStrangers = 500;

/** Groups of the account that do not carry the tag of this cluster: none of them may have our hook. */
export const examineStrangers = async (
  cluster: string,
  inventory: Groups,
  ours: readonly Group[],
): Promise<Finding[]> => {
  const known = new Set(ours.map(({ name }) => name));
  const others = (await inventory.all()).filter(({ name }) => !known.has(name));
  const looked = others.slice(0, mostStrangers);
  const findings = await inTurns(looked, async (group) =>
    judgeStranger(cluster, group, await inventory.hooksOf(group.name)),
  );
  const left = others.length - looked.length;
  if (left === 0) return findings.flat();
  return [
    ...findings.flat(),
    about("tags", "other groups").warning(
      `${left} of ${others.length} groups without the tags of this cluster were not looked at`,
      `see to it that none of them has a hook that begins with "${hookPrefix(cluster)}"`,
    ),
  ];
};

/** A parameter whose pool no group is may be meant for one whose tag says another name. */
export const findUnused = (
  settings: RecordSettings,
  withParameter: ReadonlySet<string>,
  ours: readonly Group[],
): Finding[] => {
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

/** Instances in service that are held by their tag. */
export const examineHeld = async (
  tags: InstanceTags,
  ours: readonly Group[],
): Promise<Finding[]> => {
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
