import type { CertificateFiles } from "./certificates.ts";

/** What all machines of a cluster share. */
export interface ClusterFacts {
  readonly region: string;
  readonly datacenter: string;
  /** The address of the first machine, which runs the servers. */
  readonly serverAddress: string;
  /** The path of the certificate authority's certificate. */
  readonly ca: string;
  /** The token of every Consul agent, and of Nomad for Consul. */
  readonly machineToken: string;
  /** The token that Consul's servers start with. */
  readonly consulManagementToken: string;
  readonly gossipKey: string;
  readonly heartbeat: HeartbeatPace;
  /** HTTP connections from one address; 0 for any number. */
  readonly connections: number;
}

/** How soon a Nomad client that has fallen silent is `down`. */
export interface HeartbeatPace {
  /** The least time between two heartbeats, in seconds (Nomad's default: 10). */
  readonly minimumTtlSeconds: number;
  /** What is added before the node is down, in seconds (Nomad's default: 10). */
  readonly graceSeconds: number;
  /** What every node gets after an election, in seconds (Nomad's default: 300). */
  readonly failoverSeconds: number;
}

/** One machine: its own address, name, files and certificate. */
export interface Machine {
  readonly name: string;
  readonly address: string;
  /** Holds the configuration, the data and the logs of its agents. */
  readonly folder: string;
  readonly certificate: CertificateFiles;
}

/** What a client machine is told in addition. */
export interface ClientFacts {
  readonly meta: Readonly<Record<string, string>>;
  readonly nodePool: string;
}

/** The names in a machine's certificate: the agents accept each other by them. */
export const nameMachine = (
  facts: Pick<ClusterFacts, "region" | "datacenter">,
  address: string,
  runs: { readonly nomadServer: boolean; readonly consulServer: boolean },
): string[] => [
  `IP:${address}`,
  "DNS:localhost",
  `DNS:client.${facts.region}.nomad`,
  `DNS:client.${facts.datacenter}.consul`,
  ...(runs.nomadServer ? [`DNS:server.${facts.region}.nomad`] : []),
  ...(runs.consulServer ? [`DNS:server.${facts.datacenter}.consul`] : []),
];
