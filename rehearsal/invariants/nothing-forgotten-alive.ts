import { type Invariant, writesOf } from "./evidence.ts";

/**
 * No node is purged while its machine has power: it would come back eligible,
 * its cordon and its history lost, and take work until the machine dies. Nor is
 * a member let go whose agent runs: it would be out of the catalog, or in it
 * again as one that no check watches. And whoever stays is not forgotten.
 */
export const nothingForgottenAlive: Invariant = {
  name: "nothing-forgotten-alive",
  judge: (evidence) => [
    ...writesOf(evidence)
      .filter(
        ({ call, at, instanceId }) =>
          call === "purge" &&
          !evidence.ends.some((end) => end.instanceId === instanceId && end.at <= at),
      )
      .map(({ instanceId }) => `the node of ${instanceId} was purged while it was alive`),
    ...(evidence.chronicle?.farewells ?? [])
      .filter(({ isAlive }) => isAlive)
      .map(({ member, call }) => `the member ${member} got a ${call} while it was alive`),
    ...evidence.instances
      .filter(({ state }) => state === "InService")
      .filter(
        ({ id }) =>
          evidence.cluster.before.members.includes(id) &&
          !evidence.cluster.after.members.includes(id),
      )
      .map(({ id }) => `Consul has lost the member of ${id}, which stays`),
  ],
};
