import type { Invariant } from "./evidence.ts";

/** The servers of Nomad and Consul are the same, alive, and led by the same one. */
export const serversUntouched: Invariant = {
  name: "servers-untouched",
  judge: ({ cluster: { before, after } }) => [
    ...before.servers
      .filter((server) => !after.servers.includes(server))
      .map((server) => `no longer so: ${server}`),
    ...after.servers
      .filter((server) => !before.servers.includes(server))
      .map((server) => `not so before: ${server}`),
  ],
};
