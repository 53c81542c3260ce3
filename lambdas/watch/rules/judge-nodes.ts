import type { NodeStub } from "../../clients/nomad.ts";
import { about, type Finding } from "../findings.ts";

/** An instance, and what Nomad knows of it. */
export interface NodeSighting {
  readonly instanceId: string;
  /** Undefined when Nomad knows no node on it. */
  readonly node: Pick<NodeStub, "Name" | "Status"> | undefined;
  /** How many nodes claim to be on it. */
  readonly nodes: number;
  readonly member: string | undefined;
  /** Why it is a server; undefined when it is none. */
  readonly server: string | undefined;
}

const list = (sightings: readonly NodeSighting[]): string =>
  sightings.map(({ instanceId }) => instanceId).join(", ");

/**
 * Whether the instances of a pool are found in Nomad as a retirement would find
 * them, and under which names.
 *
 * @param facts - whether their names in Consul are of interest, and whether Nomad knows any
 *   EC2 instance at all (asked when none of these is known)
 */
export const judgeNodes = (
  pool: string,
  sightings: readonly NodeSighting[],
  {
    hasConsul,
    knowsAnyInstance = true,
  }: { readonly hasConsul: boolean; readonly knowsAnyInstance?: boolean },
): Finding[] => {
  const { ok, warning, error } = about("nodes", `pool ${pool}`);
  if (sightings.length === 0)
    return [ok("no instance is in service, so there is none to be found")];
  const findings: Finding[] = [];
  const missing = sightings.filter(({ node }) => node === undefined);
  const how =
    "a node is found by its attribute unique.platform.aws.instance-id, by its name, or by its meta instance-id";
  if (missing.length === sightings.length) {
    findings.push(
      error(
        `Nomad knows no node on any instance that was looked for (${list(missing)})${
          knowsAnyInstance ? "" : ", and none on any EC2 instance at all"
        }`,
        `${how}: see \`nomad node status -verbose\`; correct nomad.address or nomad.region if this is another cluster; a group whose machines run no Nomad client is no pool: take its tags and its hook away`,
      ),
    );
  } else if (missing.length > 0) {
    findings.push(
      warning(
        `Nomad knows no node on ${list(missing)}`,
        `it may still be starting; otherwise it would end undrained: ${how}`,
      ),
    );
  }
  for (const { instanceId, node, nodes, member, server } of sightings) {
    if (node === undefined) continue;
    if (server !== undefined) {
      findings.push(
        error(
          `${instanceId} (${node.Name}) is a server: ${server}`,
          "take the group out of Drover's hands (its tags and its hook): Drover retires no server, and its hook runs to its limit",
        ),
      );
    }
    if (nodes > 1) {
      findings.push(
        warning(
          `${nodes} nodes say that they are on ${instanceId}; the live one is taken (${node.Name})`,
          "bake no Nomad data directory into an image",
        ),
      );
    }
    if (node.Status !== "ready") {
      findings.push(
        warning(
          `the node of ${instanceId} (${node.Name}) is ${node.Status}, and its instance is in service`,
          "see why its agent does not answer; its work cannot be moved away",
        ),
      );
    }
    if (hasConsul && member === undefined) {
      findings.push(
        warning(
          `the node of ${instanceId} (${node.Name}) does not say its name in Consul (unique.consul.name): Consul would not be told that it is gone`,
          "let its Nomad client reach the Consul agent on the machine (the block consul of its configuration)",
        ),
      );
    }
  }
  if (findings.length > 0) return findings;
  const names = sightings.map(({ instanceId, node, member }) => {
    const others = [
      ...(node && node.Name !== instanceId ? [`the node ${node.Name}`] : []),
      ...(hasConsul && member !== undefined && member !== node?.Name ? [`member ${member}`] : []),
    ];
    return others.length === 0 ? instanceId : `${instanceId} (${others.join(", ")})`;
  });
  return [ok(`found in Nomad: ${names.join(", ")}`)];
};
