import { type Invariant, isEnded } from "./evidence.ts";

/** Neither Nomad nor Consul remembers an instance that has ended. */
export const nobodyRemembered: Invariant = {
  name: "nobody-remembered",
  judge: ({ instances, cluster: { after } }) =>
    instances.filter(isEnded).flatMap(({ id }) => {
      const node = after.nodes.find(({ name }) => name === id);
      return [
        ...(node ? [`Nomad still has the node of ${id} (${node.status})`] : []),
        ...(after.members.includes(id) ? [`Consul still has the member ${id}`] : []),
      ];
    }),
};
