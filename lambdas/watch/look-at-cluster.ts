import * as v from "valibot";
import { ClusterFailure } from "../clients/cluster-api.ts";
import { connectCluster } from "../clients/cluster.ts";
import type { NomadNode, ServerMember } from "../clients/nomad.ts";
import { recogniseServer } from "../retire/rules/recognise-server.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import { inTurns } from "./in-turns.ts";
import {
  type DownNode,
  type LookAtCluster,
  type Mark,
  type MarkSeen,
  mark,
  type UnknownPart,
} from "./reconciliation.ts";
import { judgeCordon } from "./rules/judge-cordon.ts";

const input = v.object({ marks: v.array(mark), inService: v.number() });

/** Of so many down nodes the instance is read: far more than are forgotten at once. */
const mostDown = 50;

const instanceOf = ({ Attributes }: NomadNode): string | undefined =>
  Attributes["unique.platform.aws.instance-id"];
const memberOf = ({ Attributes }: NomadNode): string | undefined =>
  Attributes["unique.consul.name"];

/** What Nomad and Consul still remember of retirements that are over. Only reads. */
export const createHandler = (surroundings: Surroundings) => {
  const { nomad, consul, region } = connectCluster(surroundings);

  const serverOf = async (node: NomadNode, servers: readonly ServerMember[]) => {
    const member = memberOf(node);
    const services = member ? await consul?.servicesOf(member) : undefined;
    const machine = { nodeName: node.Name, httpAddress: node.HTTPAddr, region, services };
    return recogniseServer(machine, servers);
  };

  const readDown = async (id: string, servers: readonly ServerMember[]): Promise<DownNode[]> => {
    const node = (await nomad.readNode(id))?.value;
    const instanceId = node && instanceOf(node);
    if (!node || !instanceId || node.Status !== "down") return [];
    const member = memberOf(node);
    const server = await serverOf(node, servers);
    const { ID: nodeId, Name: name } = node;
    return [{ instanceId, nodeId, name, ...(member && { member }), ...(server && { server }) }];
  };

  const readMark = async (of: Mark, servers: readonly ServerMember[]): Promise<MarkSeen> => {
    const { instanceId } = of;
    const [stub] = await nomad.findNodes(instanceId);
    const node = stub && (await nomad.readNode(stub.ID))?.value;
    const member = (node && memberOf(node)) ?? of.member;
    const services = member ? await consul?.servicesOf(member) : undefined;
    // Without its name nobody can ask for it: what Consul has is left to its own reaping.
    const inConsul = services !== undefined;
    const seen = { instanceId, ...(member && { member }), inConsul };
    if (!node) return { ...seen, cordon: "none", why: "Nomad does not know it." };
    const machine = { nodeName: node.Name, httpAddress: node.HTTPAddr, region, services };
    const server = recogniseServer(machine, servers);
    const found = { nodeId: node.ID, status: node.Status, ...(server && { server }) };
    return { ...seen, ...found, ...judgeCordon(node, of) };
  };

  return task(
    surroundings,
    input,
    async ({ marks, inService }, { log }): Promise<LookAtCluster> => {
      const unknown: UnknownPart[] = [];
      /** What this one does not tell is unknown, and the others are looked at all the same. */
      const attempt = async <T>(look: () => Promise<T>): Promise<T | undefined> => {
        try {
          return await look();
        } catch (error) {
          if (!(error instanceof ClusterFailure)) throw error;
          log.warn(error.message);
          unknown.push({ part: error.service, why: error.message });
          return undefined;
        }
      };
      const nothing = { down: [], marks: [], unknown };
      const first = await attempt(() =>
        Promise.all([nomad.knowsAnyInstance(), nomad.servers(), nomad.downNodes()]),
      );
      if (!first) return nothing;
      const [knowsAny, servers, stubs] = first;
      if (!knowsAny && inService > 0) {
        const why = `Nomad knows no EC2 instance at all, and ${inService} are in service: address or region are probably wrong.`;
        unknown.push({ part: "Nomad", why });
        return nothing;
      }
      if (stubs.length > mostDown) {
        const why = `${stubs.length} nodes are down, of which ${mostDown} were looked at.`;
        unknown.push({ part: "down nodes", why });
      }
      const down = await inTurns(stubs.slice(0, mostDown), ({ ID }) =>
        attempt(() => readDown(ID, servers)),
      );
      const seen = await inTurns(marks, (each) => attempt(() => readMark(each, servers)));
      return {
        down: down.flatMap((found) => found ?? []),
        marks: seen.filter((found) => found !== undefined),
        unknown: unknown.slice(0, 10),
      };
    },
  );
};

export const handler = wired(createHandler);
