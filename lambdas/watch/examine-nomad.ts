import { ClusterFailure } from "../clients/cluster-api.ts";
import type { AclToken, Nomad, ServerMember } from "../clients/nomad.ts";
import { chooseNode } from "../retire/rules/judge-node.ts";
import { judgeToken } from "../retire/rules/judge-token.ts";
import { recogniseServer } from "../retire/rules/recognise-server.ts";
import type { Clock } from "../runtime/clock.ts";
import { about, type Finding } from "./findings.ts";
import { judgeExpiry } from "./rules/judge-expiry.ts";
import type { NodeSighting } from "./rules/judge-nodes.ts";
import { judgeWaiting } from "./rules/judge-waiting.ts";

/** As *Drain work* waits, at most. */
const waitSeconds = 50;

const policy = "docs/policies/nomad-drover.policy.hcl";

/** A node that nobody has: what is asked of it shows what the token may, and changes nothing. */
const nobody = "00000000-0000-4000-8000-000000000000";

/** Regions of the servers, which every agent knows; empty when the token may not ask. */
const regionsOf = async (nomad: Nomad): Promise<string[]> => {
  try {
    const servers = await nomad.servers();
    return [...new Set(servers.map(({ Tags }) => Tags["region"] ?? ""))].filter(Boolean);
  } catch (error) {
    if (error instanceof ClusterFailure) return [];
    throw error;
  }
};

/**
 * Whether Nomad answers, and has the region.
 *
 * @param region - as Drover was told
 * @throws ClusterFailure when it does not answer
 */
export const examineConnection = async (
  nomad: Nomad,
  region: string,
  subject: string,
): Promise<Finding[]> => {
  const { ok, error } = about("nomad-connection", subject);
  try {
    const leader = await nomad.leader();
    return [ok(`Nomad answers; its leader is ${leader}`)];
  } catch (failure) {
    if (!(failure instanceof ClusterFailure) || !/No path to region/i.test(failure.text)) {
      throw failure;
    }
    const regions = await regionsOf(nomad);
    if (regions.length === 0) throw failure;
    const known = regions.map((one) => `"${one}"`).join(", ");
    return [
      error(
        `Nomad has no such region as "${region}"; its servers know ${known}`,
        `set nomad.region to ${regions.length === 1 ? known : "one of these"}`,
      ),
    ];
  }
};

/** The rules of all policies of a token, those of its roles among them. */
const readRules = async (nomad: Nomad, token: AclToken) => {
  const ofRoles = await Promise.all(
    (token.Roles ?? []).map((role) => nomad.policiesOfRole(role.ID)),
  );
  const names = new Set([...(token.Policies ?? []), ...ofRoles.flat()]);
  const rules = await Promise.all([...names].map((name) => nomad.ownPolicy(name)));
  return rules.filter((rule) => rule !== undefined);
};

/**
 * Whether the token may do what a retirement needs, and for how long.
 *
 * @param subject - the address
 * @throws ClusterFailure when Nomad refuses what it should not
 */
export const examineToken = async (
  nomad: Nomad,
  clock: Clock,
  subject: string,
): Promise<Finding[]> => {
  const finding = about("nomad-token", subject);
  const token = await nomad.ownToken();
  if (token === undefined) return [finding.ok("ACLs are off: no token is needed")];
  const findings: Finding[] = [];
  const expiry = judgeExpiry(token.ExpirationTime, clock.now());
  if (expiry) {
    const renew = `make a new one with the policy ${policy} and put it into the secret of nomad.token`;
    findings.push(finding[expiry.severity](expiry.what, renew));
    // Nobody may do anything with it, but read it.
    if (expiry.severity === "error") return findings;
  }
  if (token.Type === "management") {
    findings.push(
      finding.warning(
        "it is a management token, which may do everything",
        `give Drover one with the policy ${policy} instead`,
      ),
    );
  }
  const missing = judgeToken(token, await readRules(nomad, token));
  if (missing.length > 0) {
    findings.push(
      finding.error(
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
  return findings.length > 0 ? findings : [finding.ok("it may do what a retirement needs")];
};

/** Whether a query may wait as long as Drover lets it; takes that long. */
export const examineWaiting = async (
  nomad: Nomad,
  clock: Clock,
  subject: string,
): Promise<Finding[]> => {
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
  return [judgeWaiting({ subject, askedSeconds: waitSeconds, tookSeconds, failure })];
};

/** An instance as *Find node* would find it. */
export const seeNode = async (
  nomad: Nomad,
  instanceId: string,
  region: string,
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
