import * as v from "valibot";
import { dynamoRecords } from "../clients/records.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { retirement, type Slot, slot } from "./retirement.ts";

const input = v.object({ ...retirement.entries, slot });

/** The next node may drain. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  return task(surroundings, input, async ({ execution, slot }): Promise<Slot> => {
    await Promise.all(slot.leases.map((key) => records.releaseLease(key, execution)));
    return { ...slot, leases: [], explanation: slot.taken ? "Given back." : slot.explanation };
  });
};

export const handler = wired(createHandler);
