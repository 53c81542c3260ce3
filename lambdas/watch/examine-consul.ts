import { ClusterFailure } from "../clients/cluster-api.ts";
import type { Consul } from "../clients/consul.ts";
import type { Clock } from "../runtime/clock.ts";
import { about, type Finding } from "./findings.ts";
import { judgeExpiry } from "./rules/judge-expiry.ts";

const policy = "docs/policies/consul-drover.policy.hcl";

/** A member that nobody is: to let it go shows what the token may, and changes nothing. */
const nobody = "drover-asks-for-nobody";

/** Whether a call was allowed; what else it meets is thrown. */
const isAllowed = async (call: Promise<unknown>): Promise<boolean> => {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof ClusterFailure && error.kind === "refused") return false;
    throw error;
  }
};

/** What Drover needs and the token does not grant, in the words of Consul's policies. */
const findMissing = async (consul: Consul): Promise<string[]> => {
  // Every server registers the service "consul"; what a token may not read is left out in silence.
  const seen = await consul.countService("consul");
  const mayForceLeave = await isAllowed(consul.forceLeave(nobody));
  const mayDeregister = await isAllowed(consul.deregister(nobody));
  return [
    ...(mayForceLeave ? [] : ['operator = "write"']),
    ...(mayDeregister ? [] : ['node_prefix "" { policy = "write" }']),
    ...(seen > 0 ? [] : ['service_prefix "" { policy = "read" }']),
  ];
};

/**
 * Whether the token may do what a retirement needs, and for how long.
 *
 * @param subject - the address
 * @throws ClusterFailure when Consul does not know the token
 */
export const examineToken = async (
  consul: Consul,
  clock: Clock,
  subject: string,
): Promise<Finding[]> => {
  const finding = about("consul-token", subject);
  const token = await consul.ownToken();
  const findings: Finding[] = [];
  const expiry = judgeExpiry(token?.ExpirationTime, clock.now());
  if (expiry) {
    const renew = `make a new one with the policy ${policy} and put it into the secret of consul.token`;
    findings.push(finding[expiry.severity](expiry.what, renew));
  }
  const missing = await findMissing(consul);
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
    finding.ok(token ? "it may do what a retirement needs" : "ACLs are off: no token is needed"),
  ];
};

export const examineConnection = async (consul: Consul, subject: string): Promise<Finding[]> => {
  const { ok, error } = about("consul-connection", subject);
  const leader = await consul.leader();
  if (leader) return [ok(`Consul answers; its leader is ${leader}`)];
  return [
    error(
      "Consul has no leader",
      "bring a majority of its servers back (`consul operator raft list-peers`)",
    ),
  ];
};
