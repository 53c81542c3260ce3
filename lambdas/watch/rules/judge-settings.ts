import type { Group, GroupHook } from "../../clients/groups.ts";
import { secondsToQueue } from "../../retire/rules/deadlines.ts";
import type { PoolSettings } from "../../runtime/pool-settings.ts";
import { about, type Finding } from "../findings.ts";

export interface PoolInReview {
  readonly pool: string;
  readonly settings: PoolSettings;
  readonly group: Pick<Group, "name" | "retainsAbandoned">;
  /** Its termination hook of Drover; undefined without one. */
  readonly hook: Pick<GroupHook, "heartbeatSeconds"> | undefined;
  readonly clusterSlots: number;
}

/** What comes before a drain: finding the node, cordoning it, taking a slot. */
const beforeDrainSeconds = 300;

/** Whether what the settings of a pool ask for fits its group, its hook and its cluster. */
export const judgeSettings = (review: PoolInReview): Finding[] => {
  const { pool, settings, group, hook, clusterSlots } = review;
  const { warning, error } = about("settings", pool);
  const findings: Finding[] = [];
  if (settings.onDrainFailure === "retain" && !group.retainsAbandoned) {
    findings.push(
      error(
        `onDrainFailure is "retain", and the group ${group.name} ends an instance whose hook is abandoned`,
        `give the group the instance lifecycle policy TerminateHookAbandon: retain, or the pool "continue"`,
      ),
    );
  }
  if (hook) {
    const life = Math.min(48 * 3600, 100 * hook.heartbeatSeconds);
    const deadline = new Date(life * 1000).toISOString();
    const start = new Date(0).toISOString();
    const ofDrover = { name: "", token: "", heartbeatSeconds: 0, startedAt: start, deadline };
    if (secondsToQueue(settings, ofDrover, beforeDrainSeconds * 1000) < 0) {
      findings.push(
        warning(
          `the hook lives for ${life} s at most, in which a drain of ${Math.max(settings.drainDeadlineSeconds, settings.batchDrainDeadlineSeconds ?? 0)} s and the rest of a retirement do not fit: drains are cut short`,
          "give the hook a longer heartbeat (1728 s for 48 hours), or the pool shorter deadlines",
        ),
      );
    }
  }
  if (settings.slots > clusterSlots) {
    findings.push(
      warning(
        `the pool has ${settings.slots} slots and the whole cluster ${clusterSlots}`,
        "give the cluster as many as its largest pool, or the pool fewer",
      ),
    );
  }
  return findings;
};
