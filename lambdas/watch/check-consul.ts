import * as v from "valibot";
import { ClusterFailure } from "../clients/cluster-api.ts";
import { connectCluster } from "../clients/cluster.ts";
import type { Consul } from "../clients/consul.ts";
import { secretsManager } from "../clients/secrets.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { checkSecrets } from "./check-secrets.ts";
import {
  about,
  type CheckedConsul,
  checkedNomad,
  type Finding,
  notRun,
  type SampledMember,
} from "./findings.ts";
import { explainFailure } from "./rules/explain-failure.ts";
import { judgeExpiry } from "./rules/judge-expiry.ts";
import { judgeMembers } from "./rules/judge-members.ts";

const input = v.object({ nomad: v.union([checkedNomad, notRun]) });

const policy = "docs/policies/consul-drover.policy.hcl";

/** A member that nobody is: to let it go shows what the token may, and changes nothing. */
const nobody = "drover-asks-for-nobody";

/** Whether Drover can do in Consul what a retirement needs; nothing is changed there. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("cluster", surroundings.env);
  const { consul, refreshSecrets } = connectCluster(surroundings);
  const { clock } = surroundings;
  const address = settings.CONSUL_HTTP_ADDR;
  const given = {
    token: settings.CONSUL_HTTP_TOKEN_SECRET,
    ca: settings.CONSUL_CACERT_SECRET,
    clientCertificate: settings.CONSUL_CLIENT_CERT_SECRET,
    clientKey: settings.CONSUL_CLIENT_KEY_SECRET,
  };

  const checkService = async (
    consul: Consul,
    address: URL,
    members: readonly SampledMember[],
  ): Promise<Finding[]> => {
    const contact = {
      service: "Consul" as const,
      address,
      hasCa: given.ca !== undefined,
      hasClientCertificate: given.clientCertificate !== undefined,
    };
    const orExplain = async (check: Finding["check"], work: () => Promise<Finding[]>) => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ClusterFailure)) throw error;
        const { what, remedy } = explainFailure(contact, error);
        return [about(check, address.origin).error(what, remedy)];
      }
    };
    /** Whether a call was allowed; what else it meets is thrown. */
    const isAllowed = async (call: () => Promise<unknown>): Promise<boolean> => {
      try {
        await call();
        return true;
      } catch (error) {
        if (error instanceof ClusterFailure && error.kind === "refused") return false;
        throw error;
      }
    };

    const checkConnection = () =>
      orExplain("consul-connection", async () => {
        const leader = await consul.leader();
        const { ok, error } = about("consul-connection", address.origin);
        if (leader) return [ok(`Consul answers; its leader is ${leader}`)];
        return [
          error(
            "Consul has no leader",
            "bring a majority of its servers back (`consul operator raft list-peers`)",
          ),
        ];
      });

    const checkToken = () =>
      orExplain("consul-token", async () => {
        const finding = about("consul-token", address.origin);
        const token = await consul.ownToken();
        const expiry = token && judgeExpiry(token.ExpirationTime, clock.now());
        const findings = expiry
          ? [
              finding[expiry.severity](
                expiry.what,
                `make a new one with the policy ${policy} and put it into the secret of consul.token`,
              ),
            ]
          : [];
        // Every server registers the service "consul"; what a token may not read is left out in silence.
        const isServiceSeen = (await consul.countService("consul")) > 0;
        const missing = [
          ...((await isAllowed(() => consul.forceLeave(nobody))) ? [] : ['operator = "write"']),
          ...((await isAllowed(() => consul.deregister(nobody)))
            ? []
            : ['node_prefix "" { policy = "write" }']),
          ...(isServiceSeen ? [] : ['service_prefix "" { policy = "read" }']),
        ];
        if (missing.length > 0) {
          findings.push(
            finding.error(
              `it is not enough for a retirement: ${missing.join(", ")} is missing`,
              `apply ${policy}`,
            ),
          );
        }
        if (findings.length > 0) return findings;
        return [
          finding.ok(
            token ? "it may do what a retirement needs" : "ACLs are off: no token is needed",
          ),
        ];
      });

    const checkMembers = async () => {
      const pools = Map.groupBy(members, ({ pool }) => pool);
      const each = [...pools].map(([pool, ofPool]) =>
        orExplain("members", async () =>
          judgeMembers(
            pool,
            await Promise.all(
              ofPool.map(async (one) => ({
                ...one,
                services: await consul.servicesOf(one.member),
              })),
            ),
          ),
        ),
      );
      return (await Promise.all(each)).flat();
    };

    const isBroken = (found: readonly Finding[]) =>
      found.some(({ severity }) => severity === "error");
    const findings = [
      ...(await checkSecrets("consul-secrets", given, {
        secrets: secretsManager(surroundings),
        clock,
      })),
      ...(await checkConnection()),
    ];
    if (isBroken(findings)) return findings;
    return [...findings, ...(await checkToken()), ...(await checkMembers())];
  };

  return task(surroundings, input, async ({ nomad }): Promise<CheckedConsul> => {
    if (!consul || !address) return { findings: [] };
    // A person who has just corrected a secret wants to hear of that one.
    refreshSecrets();
    const members = "members" in nomad ? nomad.members : [];
    return { findings: await checkService(consul, address, members) };
  });
};

export const handler = wired(createHandler);
