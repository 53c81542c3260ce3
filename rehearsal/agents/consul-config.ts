import type { ClusterFacts, Machine } from "./machine.ts";

const configureServer = (facts: ClusterFacts, first: boolean) => ({
  server: true,
  ...(first ? { bootstrap_expect: 1 } : {}),
  // The default is made for slow networks: a first election takes five times as long.
  performance: { raft_multiplier: 1 },
  acl: {
    enabled: true,
    default_policy: "deny",
    tokens: { initial_management: facts.consulManagementToken, agent: facts.machineToken },
  },
});

const configureClient = (facts: ClusterFacts) => ({
  acl: { enabled: true, default_policy: "deny", tokens: { agent: facts.machineToken } },
});

/**
 * Composes the configuration of a Consul agent.
 *
 * @param name - of the member, if it is not the machine's
 * @param server - `first` starts the cluster, `joining` adds itself to it; left out: a client
 */
export const configureConsul = (
  facts: ClusterFacts,
  machine: Machine,
  server?: "first" | "joining",
  name = machine.name,
): object => ({
  node_name: name,
  // Found with `/v1/catalog/nodes?filter=Meta.instance_id=="…"`.
  node_meta: { instance_id: machine.name },
  datacenter: facts.datacenter,
  data_dir: `${machine.folder}/consul`,
  bind_addr: machine.address,
  client_addr: machine.address,
  encrypt: facts.gossipKey,
  disable_update_check: true,
  connect: { enabled: false },
  ...(server === "first" ? {} : { retry_join: [facts.serverAddress] }),
  ports: { http: -1, https: 8501, grpc: -1, grpc_tls: -1, dns: -1, serf_wan: -1 },
  limits: { http_max_conns_per_client: 10_000, rpc_max_conns_per_client: 10_000 },
  tls: {
    defaults: {
      ca_file: facts.ca,
      cert_file: machine.certificate.certificate,
      key_file: machine.certificate.key,
      verify_incoming: true,
      verify_outgoing: true,
    },
    internal_rpc: { verify_server_hostname: true },
  },
  ...(server === undefined ? configureClient(facts) : configureServer(facts, server === "first")),
});
