import * as v from "valibot";
import { connectCluster } from "../clients/cluster.ts";
import { secretsManager } from "../clients/secrets.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { isBroken, orExplain, reachConsul } from "./contacts.ts";
import { examineConnection, examineToken } from "./examine-consul.ts";
import { examineSecrets } from "./examine-secrets.ts";
import { type CheckedConsul, checkedNomad, condense, notRun } from "./findings.ts";
import { judgeMembers } from "./rules/judge-members.ts";

const input = v.object({ nomad: v.union([checkedNomad, notRun]) });

/** Whether Drover can do in Consul what a retirement needs; nothing is changed there. */
export const createHandler = (surroundings: Surroundings) => {
  const { clock } = surroundings;
  const reach = reachConsul(parseSettings("cluster", surroundings.env));
  const { consul, refreshSecrets } = connectCluster(surroundings);

  return task(surroundings, input, async ({ nomad }): Promise<CheckedConsul> => {
    if (!consul || !reach) return { findings: [] };
    const { contact, secrets } = reach;
    const { origin } = contact.address;
    // A person who has just corrected a secret wants to hear of that one.
    refreshSecrets();
    const ofSecrets = await examineSecrets("consul-secrets", secrets, {
      secrets: secretsManager(surroundings, Object.values(secrets)),
      clock,
    });
    if (!ofSecrets.areRead) return { findings: ofSecrets.findings };
    const findings = [
      ...ofSecrets.findings,
      ...(await orExplain(contact, "consul-connection", () => examineConnection(consul, origin))),
    ];
    if (isBroken(findings)) return { findings };
    findings.push(
      ...(await orExplain(contact, "consul-token", () => examineToken(consul, clock, origin))),
    );
    const members = "members" in nomad ? nomad.members : [];
    for (const [pool, ofPool] of Map.groupBy(members, (one) => one.pool)) {
      const found = await orExplain(contact, "members", async () => {
        const sightings = await Promise.all(
          ofPool.map(async (one) => ({ ...one, services: await consul.servicesOf(one.member) })),
        );
        return judgeMembers(pool, sightings);
      });
      findings.push(...found);
    }
    return { findings: condense(findings) };
  });
};

export const handler = wired(createHandler);
