import { recogniseServer } from "../../retire/rules/recognise-server.ts";
import { about, type Finding, type SampledMember } from "../findings.ts";

/** An instance, and what Consul's catalog knows of its agent. */
export interface MemberSighting extends SampledMember {
  /** Undefined when the catalog does not know the member. */
  readonly services: readonly string[] | undefined;
}

/** Whether the agents on the instances of a pool are found in Consul. */
export const judgeMembers = (pool: string, sightings: readonly MemberSighting[]): Finding[] => {
  const { ok, warning, error } = about("members", `pool ${pool}`);
  const missing = sightings.filter(({ services }) => services === undefined);
  const names = (some: readonly MemberSighting[]) => some.map(({ member }) => member).join(", ");
  const findings: Finding[] = [];
  if (missing.length === sightings.length) {
    findings.push(
      error(
        `Consul's catalog knows none of ${names(missing)}`,
        'correct consul.address or consul.datacenter if this is another datacenter; a token without node_prefix "" { policy = "write" } is shown nothing either',
      ),
    );
  } else if (missing.length > 0) {
    findings.push(
      warning(
        `Consul's catalog does not know ${names(missing)}`,
        "see whether its agent runs (`consul members`); there is nothing to be forgotten then",
      ),
    );
  }
  for (const { instanceId, member, services } of sightings) {
    const machine = { nodeName: "", httpAddress: "", region: "", services };
    const server = recogniseServer(machine, []);
    if (server === undefined) continue;
    findings.push(
      error(
        `${instanceId} (${member}) is a server: ${server}`,
        "take the group out of Drover's hands (its tags and its hook): Drover retires no server, and its hook runs to its limit",
      ),
    );
  }
  return findings.length > 0 ? findings : [ok(`found in Consul: ${names(sightings)}`)];
};
