import type { GroupHook } from "../../clients/groups.ts";
import { hookPrefix, retireHookName } from "../../retire/hook-names.ts";
import { about, type Finding } from "../findings.ts";
import { longestLivedHeartbeatSeconds, putHookCommand } from "./commands.ts";

const quote = (name: string): string => `"${name}"`;

/**
 * Whether the hooks of a group that is a pool are as they have to be: without
 * one an instance ends undrained, and one that nobody answers holds each
 * instance until it expires.
 *
 * @returns findings; empty when all is well
 */
export const judgeHooks = (
  cluster: string,
  group: string,
  hooks: readonly GroupHook[],
): Finding[] => {
  const { warning, error } = about("hook", group);
  const correct = `correct it where the group is made, or by \`${putHookCommand(cluster, group)}\``;
  const own = hooks.filter(({ name }) => name.startsWith(hookPrefix(cluster)));
  const unanswered = own.filter(({ transition }) => transition === "launching");
  const retire = own.filter(({ transition }) => transition === "terminating");
  const findings = unanswered.map(({ name }) =>
    error(
      `the hook ${quote(name)} holds instances that are launched, and nobody answers it`,
      "remove it: Drover answers hooks of terminations only",
    ),
  );
  const [hook, ...more] = retire;
  if (hook === undefined) {
    findings.push(
      error(
        `the group has the tags of a pool and no hook ${quote(retireHookName(cluster))}: its instances end undrained`,
        `give it the hook where the group is made, or by \`${putHookCommand(cluster, group)}\``,
      ),
    );
    return findings;
  }
  if (more.length > 0) {
    findings.push(
      warning(
        `the group has ${retire.length} hooks of Drover (${retire.map(({ name }) => name).join(", ")}), and one is enough`,
        `keep ${quote(retireHookName(cluster))} and remove the others`,
      ),
    );
  } else if (hook.name !== retireHookName(cluster)) {
    findings.push(
      warning(
        `the hook is called ${quote(hook.name)} instead of ${quote(retireHookName(cluster))}`,
        "it works, by its prefix; give it the usual name, by which people and the next version know it",
      ),
    );
  }
  for (const { name, defaultResult, heartbeatSeconds } of retire) {
    if (defaultResult !== "CONTINUE") {
      findings.push(
        warning(
          `the hook ${quote(name)} has the default result ${defaultResult}: when nobody decides it, the hooks of others on this group are skipped`,
          correct,
        ),
      );
    }
    if (heartbeatSeconds < longestLivedHeartbeatSeconds) {
      const hours = Math.round((heartbeatSeconds * 100) / 360) / 10;
      findings.push(
        warning(
          `the hook ${quote(name)} has a heartbeat time-out of ${heartbeatSeconds} s, so it lives for ${hours} hours at most (100 heartbeats), where 48 are possible`,
          correct,
        ),
      );
    }
  }
  return findings;
};
