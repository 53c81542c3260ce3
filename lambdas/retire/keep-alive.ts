import * as v from "valibot";
import { autoScalingClient } from "../clients/auto-scaling.ts";
import { dynamoRecords } from "../clients/records.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { currentHook } from "./current-hook.ts";
import { beat } from "./heartbeat.ts";
import { completion, type Hook, retirement, slot } from "./retirement.ts";
import { leaseMilliseconds } from "./rules/leases.ts";

const input = v.object({
  ...retirement.entries,
  slot: v.optional(slot),
  completion: v.optional(completion),
});

/** Keeps what the retirement holds: the hook and the slot. Answers the hook as it is by now. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  const autoScaling = autoScalingClient(surroundings);

  return task(surroundings, input, async (retirement, { log }): Promise<Hook | null> => {
    const hook = await currentHook(records, retirement);
    await beat(autoScaling, { ...retirement, hook });
    // Once the instance was to be let go, the slot is the next node's.
    const leases = retirement.completion ? [] : (retirement.slot?.leases ?? []);
    if (leases.length > 0) {
      const until = surroundings.clock.now() + leaseMilliseconds;
      const isRenewed = await records.takeLeases(leases, retirement.execution, until);
      if (!isRenewed) log.warn("the slot ran out and somebody else has it; the drain goes on");
    }
    return hook;
  });
};

export const handler = wired(createHandler);
