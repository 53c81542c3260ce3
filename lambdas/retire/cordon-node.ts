import * as v from "valibot";
import { connectCluster } from "../clients/cluster.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { type Cordon, node, retirement } from "./retirement.ts";

const input = v.object({
  ...retirement.entries,
  node: v.object({ ...node.entries, id: v.string() }),
});

/**
 * Makes the node ineligible, and takes down which CSI volumes it uses: once
 * their allocations have ended, Nomad no longer says so.
 */
export const createHandler = (surroundings: Surroundings) => {
  const { nomad } = connectCluster(surroundings);
  return task(surroundings, input, async ({ node }, { log }): Promise<Cordon> => {
    const [before, volumes] = await Promise.all([
      nomad.readNode(node.id),
      nomad.volumesOf(node.id),
    ]);
    const isCordoned = before?.value.SchedulingEligibility === "ineligible";
    // A node that is gone by now needs no cordon; the drain will say so.
    if (before && !isCordoned) await nomad.makeIneligible(node.id);
    log.info(isCordoned ? "the node was cordoned already" : "cordoned the node");
    return {
      at: new Date(surroundings.clock.now()).toISOString(),
      by: isCordoned ? "somebody else" : "drover",
      volumes: volumes.map(({ ID, Namespace }) => ({ id: ID, namespace: Namespace })),
    };
  });
};

export const handler = wired(createHandler);
