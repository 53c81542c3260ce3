import * as v from "valibot";
import { ClusterFailure } from "../clients/cluster-api.ts";
import { connectCluster } from "../clients/cluster.ts";
import { volumesOf } from "../retire/find-storage.ts";
import { forgetInConsul, forgetInNomad } from "../retire/forgetting.ts";
import { missingOf } from "../retire/missing-rights.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import { plan, type Repair, type ToForget, type ToGiveBack } from "./reconciliation.ts";
import { judgeCordon } from "./rules/judge-cordon.ts";

const input = v.object({ plan });

type Done = Pick<Repair, "outcome" | "why">;

/**
 * Makes Nomad and Consul forget what has ended, and gives nodes back that stay.
 * Each is looked at once more: since the plan was made it may have changed.
 */
export const createHandler = (surroundings: Surroundings) => {
  const cluster = connectCluster(surroundings);
  const { nomad } = cluster;

  const forget = async ({ nodeId, member, volumes = [], why }: ToForget): Promise<Done> => {
    if (nodeId) {
      const node = (await nomad.readNode(nodeId))?.value;
      if (node && node.Status !== "down") {
        return { outcome: "left", why: `Its node is ${node.Status} again.` };
      }
    }
    // What its allocations have stored is known for as long as they are remembered.
    const allocations = nodeId ? await nomad.fullAllocations(nodeId) : [];
    const stored = allocations.flatMap((each) =>
      volumesOf(each).map((id) => ({ id, namespace: each.Namespace })),
    );
    const inConsul = await forgetInConsul(cluster, member);
    const inNomad = await forgetInNomad(cluster, nodeId, [...volumes, ...stored]);
    return {
      outcome: inNomad === "left to garbage collection" ? "left" : "repaired",
      why: `${why} Nomad: ${inNomad}; Consul: ${inConsul}.`,
    };
  };

  const giveBack = async ({ mark, nodeId, why }: ToGiveBack): Promise<Done> => {
    const node = (await nomad.readNode(nodeId))?.value;
    const now = node && judgeCordon(node, mark);
    if (now?.cordon !== "ours") {
      return { outcome: "left", why: now?.why ?? "Nomad does not know its node any more." };
    }
    await nomad.giveBack(nodeId);
    return { outcome: "repaired", why: `${why} It takes work again.` };
  };

  return task(surroundings, input, async ({ plan }, { log }): Promise<Repair[]> => {
    const missing = await missingOf(cluster);
    const attempt = async (
      what: string,
      instanceId: string,
      act: () => Promise<Done>,
    ): Promise<Repair> => {
      try {
        if (missing.length > 0) {
          const why = `The Nomad token would not see all of it; its policy lacks ${missing.join(" and ")}.`;
          return { what, instanceId, outcome: "failed", why };
        }
        const done = await act();
        log.warn(`${what}: ${done.why}`, { instance: instanceId });
        return { what, instanceId, ...done };
      } catch (error) {
        if (!(error instanceof ClusterFailure)) throw error;
        log.error(`${what} cannot be repaired`, error);
        return { what, instanceId, outcome: "failed", why: error.message };
      }
    };
    const repairs: Repair[] = [];
    // One after the other: at most ten, and neither Nomad nor Consul is in a hurry.
    for (const each of plan.forget) {
      const { instanceId } = each;
      repairs.push(await attempt(`memory of ${instanceId}`, instanceId, () => forget(each)));
    }
    for (const each of plan.giveBack) {
      const { instanceId } = each.mark;
      repairs.push(await attempt(`cordon of ${instanceId}`, instanceId, () => giveBack(each)));
    }
    return repairs;
  });
};

export const handler = wired(createHandler);
