import { type ClusterApi, ClusterFailure } from "./cluster-api.ts";

export interface ConsulToken {
  /** ISO 8601; absent for one that does not expire. */
  readonly ExpirationTime?: string | null;
}

/**
 * Consul's API as far as Drover uses it. Every method throws `ClusterFailure`;
 * what each needs of the token is in `docs/policies/consul-drover.policy.hcl`.
 */
export interface Consul {
  /** Address of the leader. Needs no token. */
  leader(): Promise<string>;
  /** The token itself; undefined when ACLs are off. */
  ownToken(): Promise<ConsulToken | undefined>;
  /** How many instances of a service the token may see. */
  countService(service: string): Promise<number>;
  /** Names of the services of a member; undefined when the catalog does not know it. */
  servicesOf(member: string): Promise<string[] | undefined>;
  /**
   * Ends the membership of a failed agent and drops it from the list. On a live
   * agent this makes a zombie (nomad-consul.md): only after its machine has ended.
   */
  forceLeave(member: string): Promise<void>;
  /** Removes the member with its services from the catalog. Undone by a live agent. */
  deregister(member: string): Promise<void>;
}

export const consulClient = (api: ClusterApi, datacenter: string): Consul => ({
  leader: async () => (await api.call<string>({ method: "GET", path: "/v1/status/leader" })).body,
  async ownToken() {
    try {
      return (await api.call<ConsulToken>({ method: "GET", path: "/v1/acl/token/self" })).body;
    } catch (error) {
      if (error instanceof ClusterFailure && /ACL support disabled/i.test(error.text)) return;
      throw error;
    }
  },
  async countService(service) {
    const { body } = await api.call<unknown[]>({
      method: "GET",
      path: `/v1/catalog/service/${encodeURIComponent(service)}`,
      query: { dc: datacenter },
    });
    return body.length;
  },
  async servicesOf(member) {
    const { body } = await api.call<{ Services: Record<string, { Service: string }> } | null>({
      method: "GET",
      path: `/v1/catalog/node/${encodeURIComponent(member)}`,
      query: { dc: datacenter },
    });
    return body ? Object.values(body.Services).map((service) => service.Service) : undefined;
  },
  async forceLeave(member) {
    try {
      await api.call({
        method: "PUT",
        path: `/v1/agent/force-leave/${encodeURIComponent(member)}`,
        query: { prune: "" },
        // Took 8 s for an agent that had died a moment before (tried).
        holdSeconds: 20,
      });
    } catch (error) {
      // An unknown member has left already.
      if (error instanceof ClusterFailure && /No node found/i.test(error.text)) return;
      throw error;
    }
  },
  async deregister(member) {
    await api.call({
      method: "PUT",
      path: "/v1/catalog/deregister",
      body: { Datacenter: datacenter, Node: member },
    });
  },
});
