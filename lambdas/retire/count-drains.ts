import { connectCluster } from "../clients/cluster.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { isDrainOfDrover } from "./drain-mark.ts";
import { type Drains, retirement } from "./retirement.ts";
import { drainsNodesTogether } from "./rules/nomad-version.ts";

/** What limits the number of drains, beside Drover's own slots: drains of people, and the servers' version. */
export const createHandler = (surroundings: Surroundings) => {
  const { nomad } = connectCluster(surroundings);
  return task(surroundings, retirement, async (): Promise<Drains> => {
    // Few rows whatever the size of the cluster: a drained node soon leaves it.
    const [ineligible, servers] = await Promise.all([nomad.ineligibleNodes(), nomad.servers()]);
    const byOthers = ineligible.filter(
      (node) => node.Drain && node.Status !== "down" && !isDrainOfDrover(node.LastDrain),
    ).length;
    const old = servers.find((server) => !drainsNodesTogether(server.Tags["build"] ?? ""));
    return {
      byOthers,
      limit: old ? 1 : null,
      explanation: old
        ? `Server ${old.Name} runs Nomad ${old.Tags["build"]}, which takes services down when two nodes drain at once: one at a time in the whole cluster.`
        : "These servers drain several nodes at once.",
    };
  });
};

export const handler = wired(createHandler);
