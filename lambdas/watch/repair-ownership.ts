import * as v from "valibot";
import { autoScalingClient } from "../clients/auto-scaling.ts";
import { executionsClient } from "../clients/executions.ts";
import { dynamoRecords } from "../clients/records.ts";
import { retirementsOf } from "../intake/begin-retirement.ts";
import { parseSettings } from "../runtime/settings.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import { inTurns } from "./in-turns.ts";
import { type DeadLease, lookAtAws, type Orphan, type Repair } from "./reconciliation.ts";

const input = v.object({ aws: lookAtAws });

/** Begins the retirements that nobody has begun, and frees the slots of the dead. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("intake", surroundings.env);
  const { clock } = surroundings;
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  const autoScaling = autoScalingClient(surroundings);
  const executions = executionsClient(surroundings);
  const stateMachine = settings.DROVER_STATE_MACHINE;
  const retirements = retirementsOf(surroundings, { records, executions, stateMachine });

  const retire = async (orphan: Orphan): Promise<Omit<Repair, "what">> => {
    const { instanceId, group, hook } = orphan;
    // Another hook may hold it. This one prolongs ours, and says whether there is any.
    if (!(await autoScaling.heartbeat({ group, hook: hook.name, instanceId }))) {
      return { outcome: "left", why: "Our hook does not hold it: another one does, or none." };
    }
    // What the event of an earlier execution has brought stays known.
    const label = `${hook.token?.slice(0, 8) ?? "found"}-${clock.now().toString(36)}`;
    const begun = await retirements.begin({ ...orphan, destination: "terminated" }, label);
    return {
      instanceId,
      outcome: "repaired",
      why: `Its retirement is ${begun.outcome}: ${begun.execution}.`,
    };
  };
  const release = async ({ key, holder }: DeadLease): Promise<Omit<Repair, "what">> => {
    await records.releaseLease(key, holder);
    return { outcome: "repaired", why: `Its holder has ended: ${holder}.` };
  };

  return task(surroundings, input, async ({ aws }, { log }): Promise<Repair[]> => {
    const attempt = async (
      what: string,
      why: string,
      act: () => Promise<Omit<Repair, "what">>,
    ): Promise<Repair> => {
      try {
        const done = await act();
        log.warn(`${what}: ${done.why}`, { found: why });
        return { what, ...done };
      } catch (error) {
        // The others are to be repaired all the same; the next run tries this one again.
        log.error(`${what} cannot be repaired`, error as Error);
        return { what, outcome: "failed", why: String(error) };
      }
    };
    if (aws.mode !== "repair") return [];
    const retired = await inTurns(aws.orphans, (orphan) =>
      attempt(`hook of ${orphan.instanceId}`, orphan.why, () => retire(orphan)),
    );
    const released = await inTurns(aws.leases, (lease) =>
      attempt(`slot ${lease.key}`, "", () => release(lease)),
    );
    return [...retired, ...released];
  });
};

export const handler = wired(createHandler);
