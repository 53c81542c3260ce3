import * as v from "valibot";
import { connectCluster } from "../clients/cluster.ts";
import type { ServerMember } from "../clients/nomad.ts";
import { secretsManager } from "../clients/secrets.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { isBroken, orExplain, reachNomad } from "./contacts.ts";
import { examineConnection, examineToken, examineWaiting, seeNode } from "./examine-nomad.ts";
import { examineSecrets } from "./examine-secrets.ts";
import {
  type CheckedGroups,
  type CheckedNomad,
  checkedGroups,
  condense,
  notRun,
} from "./findings.ts";
import { judgeNodes } from "./rules/judge-nodes.ts";
import { judgeServers } from "./rules/judge-servers.ts";

const input = v.object({ groups: v.union([checkedGroups, notRun]) });

/**
 * Whether Drover, from where its functions run, can do in Nomad what a
 * retirement needs. Every call either reads or is about a node that there is not.
 */
export const createHandler = (surroundings: Surroundings) => {
  const { clock } = surroundings;
  const { contact, secrets } = reachNomad(parseSettings("cluster", surroundings.env));
  const { nomad, consul, region, refreshSecrets } = connectCluster(surroundings);
  const { origin } = contact.address;

  const checkRest = async ({ pools, slots }: Pick<CheckedGroups, "pools" | "slots">) => {
    const members: CheckedNomad["members"] = [];
    const findings = await orExplain(contact, "nomad-token", () =>
      examineToken(nomad, clock, origin),
    );
    if (isBroken(findings)) return { findings, members };
    let servers: ServerMember[] = [];
    const ofServers = await orExplain(contact, "nomad-servers", async () => {
      servers = await nomad.servers();
      return judgeServers({ region, members: servers }, { cluster: slots, pools });
    });
    findings.push(...ofServers);
    for (const { pool, instances } of pools) {
      const ofPool = await orExplain(contact, "nodes", async () => {
        const sightings = await Promise.all(
          instances.map((id) => seeNode(nomad, id, region, servers)),
        );
        for (const { instanceId, member } of sightings) {
          if (member !== undefined) members.push({ pool, instanceId, member });
        }
        const hasConsul = consul !== undefined;
        if (sightings.some(({ node }) => node)) return judgeNodes(pool, sightings, { hasConsul });
        return judgeNodes(pool, sightings, {
          hasConsul,
          knowsAnyInstance: await nomad.knowsAnyInstance(),
        });
      });
      findings.push(...ofPool);
    }
    return { findings, members };
  };

  return task(surroundings, input, async ({ groups }): Promise<CheckedNomad> => {
    // A person who has just corrected a secret wants to hear of that one.
    refreshSecrets();
    const ofSecrets = await examineSecrets("nomad-secrets", secrets, {
      secrets: secretsManager(surroundings, Object.values(secrets)),
      clock,
    });
    if (!ofSecrets.areRead) return { findings: ofSecrets.findings, members: [] };
    const first = [
      ...ofSecrets.findings,
      ...(await orExplain(contact, "nomad-connection", () =>
        examineConnection(nomad, region, origin),
      )),
    ];
    if (isBroken(first)) return { findings: first, members: [] };
    // A minute, in which all the rest is done. What another check could not tell is
    // left out here, and told by that one.
    const [waiting, { findings, members }] = await Promise.all([
      examineWaiting(nomad, clock, origin),
      checkRest("pools" in groups ? groups : { pools: [], slots: 1 }),
    ]);
    return { findings: condense([...first, ...waiting, ...findings]), members };
  });
};

export const handler = wired(createHandler);
