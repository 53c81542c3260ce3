import type { Group, GroupHook } from "../../clients/groups.ts";
import { clusterTag, hookPrefix, poolTag } from "../../retire/hook-names.ts";
import { about, type Finding } from "../findings.ts";
import { tagCommand } from "./commands.ts";

const poolPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/** The pool that a group of this cluster is, by its tag; undefined when that is none. */
export const poolOf = ({ tags }: Pick<Group, "tags">): string | undefined => {
  const pool = tags.get(poolTag);
  return pool !== undefined && poolPattern.test(pool) ? pool : undefined;
};

/**
 * The tags of the groups that carry this cluster's: each has to say which pool
 * it is, and no two may be the same.
 */
export const judgeTags = (cluster: string, groups: readonly Group[]): Finding[] => {
  const pools = Map.groupBy(groups, poolOf);
  return groups.flatMap((group) => {
    const { warning, error } = about("tags", group.name);
    const pool = poolOf(group);
    if (pool === undefined) {
      const given = group.tags.get(poolTag);
      const what =
        given === undefined
          ? `the group has the tag ${clusterTag} and not ${poolTag}: Drover may not act on it`
          : `the tag ${poolTag} is ${JSON.stringify(given)}, which is no pool's name (at most 63 letters, digits, hyphens and underscores)`;
      return error(what, `tag it: \`${tagCommand(cluster, group.name, "workers")}\``);
    }
    const others = (pools.get(pool) ?? []).filter(({ name }) => name !== group.name);
    if (others.length === 0) return [];
    return warning(
      `the pool ${pool} is ${others.map(({ name }) => name).join(", ")} as well: they share their settings and slots`,
      `give each group a pool of its own by the tag ${poolTag}`,
    );
  });
};

/**
 * A group without the tags of this cluster that has a hook of this cluster all
 * the same: its events are dropped, so each of its instances waits for the hook
 * to expire and ends undrained.
 */
export const judgeStranger = (
  cluster: string,
  group: Pick<Group, "name" | "tags">,
  hooks: readonly GroupHook[],
): Finding[] => {
  const hook = hooks.find(({ name }) => name.startsWith(hookPrefix(cluster)));
  if (hook === undefined) return [];
  const other = group.tags.get(clusterTag);
  const has =
    other === undefined
      ? `not the tag ${clusterTag}=${cluster}`
      : `the tag ${clusterTag}=${other}, of another cluster`;
  return [
    about("tags", group.name).error(
      `the group has the hook "${hook.name}" and ${has}: its instances wait for the hook to expire (${hook.heartbeatSeconds} s) and end undrained`,
      `tag it: \`${tagCommand(cluster, group.name, group.tags.get(poolTag) ?? "workers")}\`; or remove the hook`,
    ),
  ];
};
