import type { ClientFacts, ClusterFacts, Machine } from "./machine.ts";

const configureServer = (facts: ClusterFacts, first: boolean) => ({
  enabled: true,
  encrypt: facts.gossipKey,
  min_heartbeat_ttl: `${facts.heartbeat.minimumTtlSeconds}s`,
  heartbeat_grace: `${facts.heartbeat.graceSeconds}s`,
  failover_heartbeat_ttl: `${facts.heartbeat.failoverSeconds}s`,
  ...(first
    ? { bootstrap_expect: 1 }
    : { server_join: { retry_join: [`${facts.serverAddress}:4648`] } }),
});

const configureClient = (facts: ClusterFacts, machine: Machine, client: ClientFacts) => ({
  enabled: true,
  // The shortest paths that can be: sockets of tasks and CSI plugins lie deep below them, and the path
  // of a socket has 107 characters at most.
  state_dir: `${machine.folder}/state`,
  alloc_dir: `${machine.folder}/alloc`,
  servers: [`${facts.serverAddress}:4647`],
  node_pool: client.nodePool,
  meta: client.meta,
  // The addresses of the host's network cards are none of this machine's.
  network_interface: "lo",
  options: {
    // Looking for clouds that this is not takes seconds.
    "fingerprint.denylist": "env_gce,env_azure,env_digitalocean",
    // Other drivers would find the host's Docker and clear up in it.
    "driver.allowlist": "raw_exec",
  },
  // The disk of the host says nothing about this client; a collection would stop its finished work early.
  gc_disk_usage_threshold: 99,
  gc_inode_usage_threshold: 99,
});

/**
 * Composes the configuration of a Nomad agent.
 *
 * @param roles.server - `first` starts the cluster, `joining` adds itself to it
 */
export const configureNomad = (
  facts: ClusterFacts,
  machine: Machine,
  roles: { readonly server?: "first" | "joining"; readonly client?: ClientFacts },
): object => ({
  name: machine.name,
  region: facts.region,
  datacenter: facts.datacenter,
  data_dir: `${machine.folder}/nomad`,
  bind_addr: machine.address,
  // Without this Nomad refuses to advertise a loopback address.
  advertise: { http: machine.address, rpc: machine.address, serf: machine.address },
  disable_update_check: true,
  acl: { enabled: true },
  // All machines share one source address, so limits for each client would count them as one.
  limits: { http_max_conns_per_client: facts.connections, rpc_max_conns_per_client: 0 },
  tls: {
    http: true,
    rpc: true,
    ca_file: facts.ca,
    cert_file: machine.certificate.certificate,
    key_file: machine.certificate.key,
    verify_server_hostname: true,
    verify_https_client: true,
  },
  consul: {
    address: `${machine.address}:8501`,
    token: facts.machineToken,
    ssl: true,
    ca_file: facts.ca,
    cert_file: machine.certificate.certificate,
    key_file: machine.certificate.key,
  },
  ...(roles.server === undefined
    ? {}
    : { server: configureServer(facts, roles.server === "first") }),
  ...(roles.client === undefined
    ? {}
    : {
        client: configureClient(facts, machine, roles.client),
        // Groups of the host's control group file systems would outlive the cluster.
        plugin: { raw_exec: { config: { enabled: true, no_cgroups: true } } },
      }),
});
