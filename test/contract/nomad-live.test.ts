import { createLanes } from "./lanes.ts";
import { openAgents, openServers } from "./nomad-agents.ts";
import { nomadContract } from "./nomad.ts";
import type { OpenedTarget } from "./nomad-target.ts";

/** A cluster of its own for each of so many cases at once. */
const CLUSTERS = 3;

const openClusters = async (): Promise<OpenedTarget> => {
  const lanes = createLanes(CLUSTERS, openAgents, (lane) => lane.close());
  return {
    run: (body) =>
      lanes.use(async (lane) => {
        try {
          await body(lane.target);
        } finally {
          await lane.clearUp();
        }
      }),
    async runApart(body) {
      const servers = await openServers();
      try {
        await body(servers.target);
      } finally {
        await servers.close();
      }
    },
    close: () => lanes.close(),
  };
};

nomadContract("Nomad, real agents", openClusters, CLUSTERS);
