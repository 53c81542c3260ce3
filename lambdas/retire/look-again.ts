import * as v from "valibot";
import { connectCluster } from "../clients/cluster.ts";
import { ClusterFailure } from "../clients/cluster-api.ts";
import { StillRemembered } from "../runtime/errors.ts";
import { reportFailure, task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { type Forgotten, forgotten, node, retirement } from "./retirement.ts";

const input = v.object({ ...retirement.entries, node, forgotten });

/**
 * Whether Nomad or Consul remember the machine again: what comes back is
 * forgotten once more.
 *
 * @throws StillRemembered
 */
export const createHandler = (surroundings: Surroundings) => {
  const { nomad, consul } = connectCluster(surroundings);

  return task(surroundings, input, async (retirement, { log, metrics }): Promise<Forgotten> => {
    const { node, forgotten } = retirement;
    if (!forgotten.done) throw new StillRemembered(forgotten.explanation);
    if (retirement.settings.observeOnly) return forgotten;
    const isToStay = forgotten.nomad === "left to garbage collection";
    try {
      const [inNomad, inConsul] = await Promise.all([
        node.id && !isToStay ? nomad.readNode(node.id) : undefined,
        node.member ? consul?.servicesOf(node.member) : undefined,
      ]);
      if (!inNomad && !inConsul) return { ...forgotten, explanation: "Forgotten." };
      const where = [inNomad && "Nomad", inConsul && "Consul"].filter(Boolean).join(" and ");
      log.warn(`the node came back in ${where}`);
      throw new StillRemembered(`It came back in ${where}.`);
    } catch (error) {
      if (!(error instanceof ClusterFailure) || error.kind === "rejected") throw error;
      reportFailure(metrics, retirement.pool, error);
      throw new StillRemembered(`${error.message}.`, { cause: error });
    }
  });
};

export const handler = wired(createHandler);
