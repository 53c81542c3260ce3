import * as v from "valibot";
import { connectCluster } from "../clients/cluster.ts";
import type { NomadNode } from "../clients/nomad.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { findStorage } from "./find-storage.ts";
import { readDrains } from "./read-drains.ts";
import { type Cordon, cordon, node, retirement } from "./retirement.ts";

const input = v.object({
  ...retirement.entries,
  node: v.object({ ...node.entries, id: v.string() }),
  cordon: v.optional(cordon),
});

/**
 * Whether an earlier call of this task made the cordon and died before it could
 * say so. Nomad names nobody; what came since the retirement began is taken for
 * ours, so that it is given back if the retirement fails.
 */
const isSince = (node: NomadNode, since: string): boolean => {
  const event = node.Events?.findLast(
    ({ Message }) => Message === "Node marked as ineligible for scheduling",
  );
  return event !== undefined && Date.parse(event.Timestamp) >= Date.parse(since);
};

/**
 * Makes the node ineligible, and then takes down what its allocations have
 * stored there: no new one can come, and once they have ended Nomad no longer
 * says what they used. It also counts the drains that limit the slots.
 */
export const createHandler = (surroundings: Surroundings) => {
  const { nomad } = connectCluster(surroundings);
  return task(surroundings, input, async ({ node, cordon, since }, { log }): Promise<Cordon> => {
    const before = await nomad.readNode(node.id);
    const isCordoned = before?.value.SchedulingEligibility === "ineligible";
    // A node that is gone by now needs no cordon; the drain will say so.
    if (before && !isCordoned) await nomad.makeIneligible(node.id);
    const isOurs = !before || !isCordoned || isSince(before.value, since);
    log.info(isCordoned ? "the node was cordoned already" : "cordoned the node");
    return {
      at: cordon?.at ?? new Date(surroundings.clock.now()).toISOString(),
      // After an outage in between this is done once more: our own cordon stays ours.
      by: cordon?.by ?? (isOurs ? "drover" : "somebody else"),
      ...(await findStorage(nomad, node.id)),
      drains: await readDrains(nomad, node.id),
    };
  });
};

export const handler = wired(createHandler);
