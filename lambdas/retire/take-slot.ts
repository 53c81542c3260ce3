import * as v from "valibot";
import { autoScalingClient } from "../clients/auto-scaling.ts";
import { dynamoRecords } from "../clients/records.ts";
import { parameterSwitches } from "../clients/switches.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { beat } from "./heartbeat.ts";
import { cordon, retirement, type Slot, slot } from "./retirement.ts";
import { allotSlot, clusterSlotKeys, poolSlotKeys } from "./rules/allot-slot.ts";
import {
  growingWaitSeconds,
  isBeatDue,
  isTooLateToQueue,
  secondsToQueue,
  withinHook,
} from "./rules/deadlines.ts";
import { leaseMilliseconds } from "./rules/leases.ts";

const input = v.object({ ...retirement.entries, cordon, slot: v.optional(slot) });

/** The bounds of the pause between two tries, in seconds; see `TakeSlot` for the arithmetic. */
const pause = { least: 10, most: 300 };

/**
 * Takes a slot of the pool and one of the cluster, both or none. A drain that
 * could no longer have its whole deadline under its hook goes on without.
 */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  const autoScaling = autoScalingClient(surroundings);
  const switches = parameterSwitches(surroundings, settings);
  const { clock, random } = surroundings;

  return task(surroundings, input, async (retirement, { log, metrics }): Promise<Slot> => {
    const now = clock.now();
    const queuedSince = retirement.slot?.queuedSince ?? new Date(now).toISOString();
    const answer = (part: Pick<Slot, "explanation"> & Partial<Slot>): Slot => ({
      taken: false,
      without: false,
      waitSeconds: 0,
      queuedSince,
      underWay: 0,
      leases: [],
      ...part,
    });
    /** With a slot or without one: the drain begins, and takes its time. */
    const letDrain = async (
      part: Pick<Slot, "explanation" | "underWay"> & Partial<Slot>,
    ): Promise<Slot> => {
      if (isBeatDue(retirement.hook, now)) await beat(autoScaling, retirement);
      return answer({ takenAt: new Date(now).toISOString(), ...part });
    };
    const wait = async (
      explanation: string,
      queueSeconds: number,
      next: Pick<Slot, "countFirst"> = {},
    ): Promise<Slot> => {
      await beat(autoScaling, retirement);
      const waited = (now - Date.parse(queuedSince)) / 1000;
      const seconds = growingWaitSeconds(waited, pause, random);
      return answer({
        explanation,
        waitSeconds: withinHook(Math.min(seconds, queueSeconds), retirement.hook, now),
        ...next,
      });
    };

    if (await switches.isStopped()) {
      return wait(
        "Drover is stopped: the drain does not begin. Set the stop parameter to go.",
        Number.POSITIVE_INFINITY,
      );
    }
    const clusterSlots = Math.min(
      settings.DROVER_CLUSTER_SLOTS,
      retirement.cordon.drains.limit ?? Number.POSITIVE_INFINITY,
    );
    const keys = [
      ...poolSlotKeys(retirement.pool, retirement.settings.slots),
      // All of them: the servers' limit may have sunk since some were taken.
      ...clusterSlotKeys(settings.DROVER_CLUSTER_SLOTS),
    ];
    const leases = await records.readLeases(keys);
    const underWay = new Set(
      leases.filter((lease) => lease.until >= now).map((lease) => lease.holder),
    ).size;
    const question = {
      pool: retirement.pool,
      poolSlots: retirement.settings.slots,
      clusterSlots,
      holder: retirement.execution,
      leases,
      drainsByOthers: 0,
      drainsByDrover: [],
      now,
    };
    const byLeases = allotSlot(question);
    // Cordon node has just counted before the first try, and Count drains before one that asked for it.
    const isCounted = retirement.slot === undefined || retirement.slot.countFirst === true;
    if (byLeases.kind === "free" && !isCounted) {
      return answer({
        explanation: "A slot may be free: the drains in the cluster are counted.",
        countFirst: true,
      });
    }
    const { byOthers, byDrover } = retirement.cordon.drains;
    const allotment =
      byLeases.kind === "full"
        ? byLeases
        : allotSlot({ ...question, drainsByOthers: byOthers, drainsByDrover: byDrover });
    if (
      allotment.kind === "free" &&
      (await records.takeLeases(allotment.keys, retirement.execution, now + leaseMilliseconds))
    ) {
      return letDrain({
        taken: true,
        explanation: "The node may drain.",
        underWay: underWay + 1,
        leases: [...allotment.keys],
      });
    }
    if (isTooLateToQueue(retirement.settings, retirement.hook, now)) {
      metrics.report(retirement.pool, { DrainsWithoutSlot: 1 });
      log.warn("the drain begins without a slot: the hook would not live through the queue");
      return letDrain({
        without: true,
        explanation: "No slot was free, and the hook lives no longer: the node drains without one.",
        underWay: underWay + 1,
      });
    }
    return wait(
      allotment.kind === "full" ? allotment.explanation : "Another node was faster.",
      Math.ceil(secondsToQueue(retirement.settings, retirement.hook, now)),
      allotment.kind === "full" && byLeases.kind === "free" ? { countFirst: true } : {},
    );
  });
};

export const handler = wired(createHandler);
