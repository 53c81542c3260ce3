import { type ClusterApi, ClusterFailure } from "./cluster-api.ts";

/**
 * Consul's API as far as Drover uses it. Every method throws `ClusterFailure`;
 * what each needs of the token is in `docs/policies/consul-drover.policy.hcl`.
 */
export interface Consul {
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
