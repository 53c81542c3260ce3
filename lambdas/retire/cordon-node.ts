import * as v from "valibot";
import { connectCluster } from "../clients/cluster.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { findStorage } from "./find-storage.ts";
import { type Cordon, cordon, node, retirement } from "./retirement.ts";

const input = v.object({
  ...retirement.entries,
  node: v.object({ ...node.entries, id: v.string() }),
  cordon: v.optional(cordon),
});

/**
 * Makes the node ineligible, and then takes down what its allocations have
 * stored there: no new one can come, and once they have ended Nomad no longer
 * says what they used.
 */
export const createHandler = (surroundings: Surroundings) => {
  const { nomad } = connectCluster(surroundings);
  return task(surroundings, input, async ({ node, cordon }, { log }): Promise<Cordon> => {
    const before = await nomad.readNode(node.id);
    const isCordoned = before?.value.SchedulingEligibility === "ineligible";
    // A node that is gone by now needs no cordon; the drain will say so.
    if (before && !isCordoned) await nomad.makeIneligible(node.id);
    log.info(isCordoned ? "the node was cordoned already" : "cordoned the node");
    const live = await nomad.liveAllocations(node.id);
    return {
      at: cordon?.at ?? new Date(surroundings.clock.now()).toISOString(),
      // After an outage in between this is done once more: our own cordon stays ours.
      by: cordon?.by ?? (isCordoned ? "somebody else" : "drover"),
      ...(await findStorage(nomad, live.value)),
    };
  });
};

export const handler = wired(createHandler);
