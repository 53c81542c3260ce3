import type { ServerMember } from "../../clients/nomad.ts";

/** What may give a server away. */
export interface Machine {
  readonly nodeName: string;
  /** Host and port of the client's API. */
  readonly httpAddress: string;
  readonly region: string;
  /** Services of its Consul member; undefined when there is no Consul or it does not know the member. */
  readonly services: readonly string[] | undefined;
}

/** Consul registers its servers under `consul`; Nomad and Vault register theirs as they are told to by default. */
const serverServices = new Map([
  ["consul", "a Consul server"],
  ["nomad", "a Nomad server"],
  ["vault", "a Vault server"],
]);

const hostOf = (address: string): string => address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");

/** Whether a server has left the cluster; the list of members keeps it for a while. */
export const hasLeft = ({ Status }: Pick<ServerMember, "Status">): boolean =>
  Status === "left" || Status === "reap";

/**
 * Why a machine is a server of Nomad, Consul or Vault; undefined when it is not.
 * Ending one costs the cluster its quorum, so every job refuses it.
 */
export const recogniseServer = (
  machine: Machine,
  servers: readonly ServerMember[],
): string | undefined => {
  const nomad = servers
    .filter((server) => !hasLeft(server))
    .find(
      (server) =>
        server.Addr === hostOf(machine.httpAddress) ||
        server.Name === `${machine.nodeName}.${machine.region}`,
    );
  if (nomad) return `it is Nomad's server ${nomad.Name}`;
  for (const service of machine.services ?? []) {
    const kind = serverServices.get(service);
    if (kind) return `Consul lists it as ${kind}`;
  }
  return undefined;
};
