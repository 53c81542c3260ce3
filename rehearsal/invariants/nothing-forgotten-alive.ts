import { type Invariant, writesOf } from "./evidence.ts";

/**
 * No node is purged while its machine has power: it would come back eligible,
 * its cordon and its history lost, and take work until the machine dies.
 */
export const nothingForgottenAlive: Invariant = {
  name: "nothing-forgotten-alive",
  judge: (evidence) =>
    writesOf(evidence)
      .filter(
        ({ call, at, instanceId }) =>
          call === "purge" &&
          !evidence.ends.some((end) => end.instanceId === instanceId && end.at <= at),
      )
      .map(({ instanceId }) => `the node of ${instanceId} was purged while it was alive`),
};
