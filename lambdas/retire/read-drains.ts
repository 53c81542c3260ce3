import type { Nomad } from "../clients/nomad.ts";
import { drainOwner } from "./drain-mark.ts";
import type { Drains } from "./retirement.ts";
import { drainsNodesTogether } from "./rules/nomad-version.ts";
import { hasLeft } from "./rules/recognise-server.ts";

/** More than there are slots decide nothing, and the payload is not to grow with the cluster. */
const mostOwners = 100;

/**
 * What limits the number of drains, beside Drover's own slots: drains of people,
 * and the servers' version. Both are read right before a slot is taken, although
 * the servers were seen when the node was looked for: one that was put back to an
 * old version meanwhile must not have two nodes drain at once.
 *
 * @param ownId - of the node that is to drain
 * @throws ClusterFailure
 */
export const readDrains = async (nomad: Nomad, ownId: string | undefined): Promise<Drains> => {
  // Few rows whatever the size of the cluster: a drained node soon leaves it.
  const [ineligible, servers] = await Promise.all([nomad.ineligibleNodes(), nomad.servers()]);
  const owners = ineligible
    // The node itself is to have a slot; that a person drains it already takes no second one.
    .filter(({ ID, Drain, Status }) => ID !== ownId && Drain && Status !== "down")
    .map(({ LastDrain }) => drainOwner(LastDrain));
  const old = servers.find(
    (server) => !hasLeft(server) && !drainsNodesTogether(server.Tags["build"] ?? ""),
  );
  return {
    byOthers: owners.filter((owner) => owner === undefined).length,
    byDrover: owners.filter((owner) => owner !== undefined).slice(0, mostOwners),
    limit: old ? 1 : null,
    explanation: old
      ? `Server ${old.Name} runs Nomad ${old.Tags["build"]}, which takes services down when two nodes drain at once: one at a time in the whole cluster.`
      : "These servers drain several nodes at once.",
  };
};
