import * as v from "valibot";
import { ClusterFailure } from "../clients/cluster-api.ts";
import { connectCluster } from "../clients/cluster.ts";
import type { Nomad, ServerMember } from "../clients/nomad.ts";
import { secretsManager } from "../clients/secrets.ts";
import { chooseNode } from "../retire/rules/judge-node.ts";
import { judgeToken } from "../retire/rules/judge-token.ts";
import { recogniseServer } from "../retire/rules/recognise-server.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { checkSecrets } from "./check-secrets.ts";
import {
  about,
  type CheckedNomad,
  checkedGroups,
  type Finding,
  notRun,
  type SampledMember,
  type SampledPool,
} from "./findings.ts";
import { explainFailure } from "./rules/explain-failure.ts";
import { judgeExpiry } from "./rules/judge-expiry.ts";
import { judgeNodes, type NodeSighting } from "./rules/judge-nodes.ts";
import { judgeServers } from "./rules/judge-servers.ts";
import { judgeWaiting } from "./rules/judge-waiting.ts";

const input = v.object({ groups: v.union([checkedGroups, notRun]) });

/** As *Await drain* waits, at most. */
const waitSeconds = 50;

const policy = "docs/policies/nomad-drover.policy.hcl";

/** A node that nobody has: what is asked of it shows what the token may, and changes nothing. */
const nobody = "00000000-0000-4000-8000-000000000000";

/**
 * Whether Drover, from where its functions run, can do in Nomad what a
 * retirement needs. Every call either reads or is about a node that there is not.
 */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("cluster", surroundings.env);
  const { nomad, consul, region, refreshSecrets } = connectCluster(surroundings);
  const { clock } = surroundings;
  const address = settings.NOMAD_ADDR;
  const contact = {
    service: "Nomad" as const,
    address,
    hasCa: settings.NOMAD_CACERT_SECRET !== undefined,
    hasClientCertificate: settings.NOMAD_CLIENT_CERT_SECRET !== undefined,
  };
  const given = {
    token: settings.NOMAD_TOKEN_SECRET,
    ca: settings.NOMAD_CACERT_SECRET,
    clientCertificate: settings.NOMAD_CLIENT_CERT_SECRET,
    clientKey: settings.NOMAD_CLIENT_KEY_SECRET,
  };

  /** What the work finds, or else what its failure means. */
  const orExplain = async (
    check: Finding["check"],
    work: () => Promise<Finding[]>,
  ): Promise<Finding[]> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ClusterFailure)) throw error;
      const { what, remedy } = explainFailure(contact, error);
      return [about(check, address.origin).error(what, remedy)];
    }
  };

  const checkConnection = () =>
    orExplain("nomad-connection", async () => {
      const leader = await nomad.leader();
      return [
        about("nomad-connection", address.origin).ok(`Nomad answers; its leader is ${leader}`),
      ];
    });

  const checkToken = () =>
    orExplain("nomad-token", async () => {
      const { ok, warning, error } = about("nomad-token", address.origin);
      const renew = `make a new one with the policy ${policy} and put it into the secret of nomad.token`;
      const token = await nomad.ownToken();
      if (token === undefined) return [ok("ACLs are off: no token is needed")];
      const expiry = judgeExpiry(token.ExpirationTime, clock.now());
      const findings = expiry
        ? [about("nomad-token", address.origin)[expiry.severity](expiry.what, renew)]
        : [];
      // Nobody may do anything with it, but read it.
      if (expiry?.severity === "error") return findings;
      if (token.Type === "management") {
        findings.push(
          warning(
            "it is a management token, which may do everything",
            `give Drover one with the policy ${policy} instead`,
          ),
        );
      }
      const missing = judgeToken(token, await readRules(nomad, token));
      if (missing.length > 0) {
        findings.push(
          error(
            `it is not enough for a retirement: ${missing.join(", ")} is missing`,
            `apply ${policy}: \`nomad acl policy apply drover ${policy}\``,
          ),
        );
        return findings;
      }
      // What its policies say may still be taken away by what stands in between.
      await nomad.makeIneligible(nobody);
      await nomad.liveAllocations(nobody);
      await nomad.readVolume("drover-asks-for-none", "default");
      return findings.length > 0 ? findings : [ok("it may do what a retirement needs")];
    });

  const checkWaiting = async (): Promise<Finding[]> => {
    const begin = clock.now();
    let failure: ClusterFailure | undefined;
    try {
      await nomad.waitInVain(waitSeconds);
    } catch (error) {
      if (!(error instanceof ClusterFailure)) throw error;
      // What may not be asked is no matter of time.
      if (error.kind === "refused") return [];
      failure = error;
    }
    const tookSeconds = (clock.now() - begin) / 1000;
    const subject = address.origin;
    return [judgeWaiting({ subject, askedSeconds: waitSeconds, tookSeconds, failure })];
  };

  const see = async (
    instanceId: string,
    servers: readonly ServerMember[],
  ): Promise<NodeSighting> => {
    const nodes = await nomad.findNodes(instanceId);
    const node = chooseNode(nodes);
    const full = node && (await nomad.readNode(node.ID))?.value;
    if (!node || !full) {
      return { instanceId, node: undefined, nodes: 0, member: undefined, server: undefined };
    }
    return {
      instanceId,
      node,
      nodes: nodes.length,
      member: full.Attributes["unique.consul.name"],
      server: recogniseServer(
        { nodeName: node.Name, httpAddress: full.HTTPAddr, region, services: undefined },
        servers,
      ),
    };
  };

  const checkNodes = async (
    pools: readonly SampledPool[],
    members: readonly ServerMember[],
    found: SampledMember[],
  ): Promise<Finding[]> => {
    const findings: Finding[] = [];
    for (const { pool, instances } of pools) {
      const ofPool = await orExplain("nodes", async () => {
        const sightings = await Promise.all(instances.map((id) => see(id, members)));
        for (const { instanceId, member } of sightings) {
          if (member !== undefined) found.push({ pool, instanceId, member });
        }
        return judgeNodes(pool, sightings, consul !== undefined);
      });
      findings.push(...ofPool);
    }
    return findings;
  };

  return task(surroundings, input, async ({ groups }): Promise<CheckedNomad> => {
    // A person who has just corrected a secret wants to hear of that one.
    refreshSecrets();
    // What another check could not tell is left out here, and told by that one.
    const { pools, slots } = "pools" in groups ? groups : { pools: [], slots: 1 };
    const ofSecrets = await checkSecrets("nomad-secrets", given, {
      secrets: secretsManager(surroundings),
      clock,
    });
    const findings = [...ofSecrets, ...(await checkConnection())];
    if (findings.some(({ severity }) => severity === "error")) return { findings, members: [] };

    const members: SampledMember[] = [];
    // A minute, in which all the rest is done.
    const [waiting, rest] = await Promise.all([
      checkWaiting(),
      (async () => {
        const ofToken = await checkToken();
        if (ofToken.some(({ severity }) => severity === "error")) return ofToken;
        let servers: ServerMember[] = [];
        const ofServers = await orExplain("nomad-servers", async () => {
          servers = await nomad.servers();
          return judgeServers({ region, members: servers }, { cluster: slots, pools });
        });
        return [...ofToken, ...ofServers, ...(await checkNodes(pools, servers, members))];
      })(),
    ]);
    return { findings: [...findings, ...waiting, ...rest], members };
  });
};

/** The rules of all policies of a token, those of its roles among them. */
const readRules = async (nomad: Nomad, token: Awaited<ReturnType<Nomad["ownToken"]>>) => {
  const ofRoles = await Promise.all(
    (token?.Roles ?? []).map((role) => nomad.policiesOfRole(role.ID)),
  );
  const names = new Set([...(token?.Policies ?? []), ...ofRoles.flat()]);
  const rules = await Promise.all([...names].map((name) => nomad.ownPolicy(name)));
  return rules.filter((rule) => rule !== undefined);
};

export const handler = wired(createHandler);
