import * as v from "valibot";
import { dynamoRecords } from "../clients/records.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import {
  completion,
  cordon,
  drain,
  forgotten,
  node,
  retirement,
  slot,
  termination,
} from "./retirement.ts";
import { summarise } from "./rules/summarise.ts";

export const finishedRetirement = v.object({
  ...retirement.entries,
  node: v.optional(node),
  cordon: v.optional(cordon),
  slot: v.optional(slot),
  drain: v.optional(drain),
  completion: v.optional(completion),
  termination: v.optional(termination),
  forgotten: v.optional(forgotten),
});

/** Ends the ownership; the summary becomes the output of the execution, and its figures metrics. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  const { clock } = surroundings;

  return task(surroundings, finishedRetirement, async (retirement, { log, metrics }) => {
    const summary = summarise(retirement, clock.now());
    await records.end(retirement.instanceId, retirement.execution, "retired");
    metrics.report(retirement.pool, {
      Retirements: 1,
      ...(summary.drain === "forced" && { ForcedDrains: 1 }),
      ...(summary.seconds.drain !== null && { DrainSeconds: summary.seconds.drain }),
      RetirementSeconds: summary.seconds.total,
    });
    log.info("retired", { summary });
    return summary;
  });
};

export const handler = wired(createHandler);
