import * as v from "valibot";
import { type Cluster, connectCluster } from "../clients/cluster.ts";
import { ClusterFailure } from "../clients/cluster-api.ts";
import { reportFailure, task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { missingOf } from "./missing-rights.ts";
import { node, retirement } from "./retirement.ts";
import { chooseNode, judgeNode, type Sighting } from "./rules/judge-node.ts";
import { recogniseServer } from "./rules/recognise-server.ts";

const input = v.object({ ...retirement.entries, node: v.optional(node) });

/** Seconds for which a token that was found good is not looked at again. */
const tokenSeconds = 300;

const look = async ({ nomad, consul, region }: Cluster, instanceId: string): Promise<Sighting> => {
  const nodes = await nomad.findNodes(instanceId);
  const chosen = chooseNode(nodes);
  if (!chosen) return { kind: "none", knowsAnyInstance: await nomad.knowsAnyInstance() };
  const [full, servers] = await Promise.all([nomad.readNode(chosen.ID), nomad.servers()]);
  // Purged between the two calls.
  if (!full) return { kind: "none", knowsAnyInstance: true };
  const member = full.value.Attributes["unique.consul.name"];
  const services = member ? await consul?.servicesOf(member) : undefined;
  return {
    kind: "found",
    nodes,
    node: chosen,
    member,
    server: recogniseServer(
      { nodeName: chosen.Name, httpAddress: full.value.HTTPAddr, region, services },
      servers,
    ),
  };
};

/** Which Nomad node runs on the instance, and what follows from that. */
export const createHandler = (surroundings: Surroundings) => {
  const cluster = connectCluster(surroundings);
  const { clock, random } = surroundings;
  let tokenGoodUntil = 0;

  const see = async (instanceId: string): Promise<Sighting> => {
    try {
      if (clock.now() >= tokenGoodUntil) {
        const missing = await missingOf(cluster);
        if (missing.length > 0) {
          // A better one is to be seen at the next look.
          cluster.refreshSecrets();
          return { kind: "weak token", missing };
        }
        tokenGoodUntil = clock.now() + tokenSeconds * 1000;
      }
      return await look(cluster, instanceId);
    } catch (error) {
      if (!(error instanceof ClusterFailure) || error.kind === "rejected") throw error;
      return { kind: "failure", failure: error };
    }
  };

  return task(surroundings, input, async (retirement, { log, metrics }) => {
    const sighting = await see(retirement.instanceId);
    const answer = judgeNode(sighting, retirement, clock.now(), random);
    if (sighting.kind === "failure") reportFailure(metrics, retirement.pool, sighting.failure);
    else if (answer.answer === "refused") metrics.report(retirement.pool, { NomadRefused: 1 });
    else if (answer.answer === "unreachable")
      metrics.report(retirement.pool, { NomadUnreachable: 1 });
    else if (answer.answer === "server") metrics.report(retirement.pool, { ServersRefused: 1 });
    log.info(answer.explanation, { answer: answer.answer, next: answer.next });
    return answer;
  });
};

export const handler = wired(createHandler);
