import type { CatalogEntry, HealthCheck } from "./records.ts";

/** A service that an agent registers. */
export interface ServiceSpec {
  readonly name: string;
  /** @default the name */
  readonly id?: string;
  readonly port?: number;
  readonly tags?: readonly string[];
}

/** An agent as the catalog learns of it. */
export interface Registrant {
  readonly nodeId: string;
  readonly name: string;
  readonly address: string;
  readonly meta: Readonly<Record<string, string>>;
}

const SERF_HEALTH = "serfHealth";

/** The servers' catalog of nodes, services and checks. It knows nothing of gossip. */
export const createCatalog = (datacenter: string) => {
  const entries = new Map<string, CatalogEntry>();
  let index = 10;

  const stamp = () => {
    index += 1;
    return { CreateIndex: index, ModifyIndex: index };
  };

  return {
    entries: entries as ReadonlyMap<string, CatalogEntry>,
    get index() {
      return index;
    },

    /**
     * Registers an agent's node.
     *
     * @returns false where another node holds the name and is healthy (consul#4741)
     */
    registerNode(agent: Registrant): boolean {
      const present = entries.get(agent.name);
      if (present?.node.ID === agent.nodeId) return true;
      if (present?.checks.get(SERF_HEALTH)?.Status === "passing") return false;
      entries.set(agent.name, {
        node: {
          ID: agent.nodeId,
          Node: agent.name,
          Address: agent.address,
          Datacenter: datacenter,
          TaggedAddresses: { lan: agent.address, wan: agent.address },
          Meta: { "consul-network-segment": "", ...agent.meta },
          ...stamp(),
        },
        services: present?.services ?? new Map(),
        checks: present?.checks ?? new Map(),
      });
      return true;
    },

    registerService(name: string, service: ServiceSpec) {
      const entry = entries.get(name);
      const id = service.id ?? service.name;
      if (!entry || entry.services.has(id)) return;
      entry.services.set(id, {
        ID: id,
        Service: service.name,
        Tags: [...(service.tags ?? [])],
        Address: "",
        Meta: {},
        Port: service.port ?? 0,
        EnableTagOverride: false,
        ...stamp(),
      });
      const check = `service:${id}`;
      entry.checks.set(check, {
        Node: name,
        CheckID: check,
        Name: `Service '${service.name}' check`,
        Status: "passing",
        Output: "",
        ServiceID: id,
        ServiceName: service.name,
        ServiceTags: [...(service.tags ?? [])],
        ...stamp(),
      });
    },

    /** What the leader learns from gossip. A node that the catalog does not know stays unknown. */
    setSerfHealth(name: string, status: HealthCheck["Status"]) {
      entries.get(name)?.checks.set(SERF_HEALTH, {
        Node: name,
        CheckID: SERF_HEALTH,
        Name: "Serf Health Status",
        Status: status,
        Output:
          status === "passing" ? "Agent alive and reachable" : "Agent not live or unreachable",
        ServiceID: "",
        ServiceName: "",
        ServiceTags: [],
        ...stamp(),
      });
    },

    /** Removes a node with its services and checks. It need not be there. */
    deregister(name: string) {
      if (entries.delete(name)) stamp();
    },

    deregisterService(name: string, id: string) {
      const entry = entries.get(name);
      if (!entry?.services.delete(id)) return;
      for (const [check, { ServiceID }] of entry.checks) {
        if (ServiceID === id) entry.checks.delete(check);
      }
      stamp();
    },

    deregisterCheck(name: string, id: string) {
      if (entries.get(name)?.checks.delete(id)) stamp();
    },
  };
};

export type Catalog = ReturnType<typeof createCatalog>;
