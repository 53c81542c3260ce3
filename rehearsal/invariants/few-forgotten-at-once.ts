import type { Invariant } from "./evidence.ts";

/** What one execution may make Nomad forget, as `docs/operate.md` says. */
const most = 10;

/**
 * No execution has more than a few nodes purged: a retirement its own one, and a
 * repair not so many that a wrong answer would empty the cluster.
 */
export const fewForgottenAtOnce: Invariant = {
  name: "few-forgotten-at-once",
  judge: ({ executions }) =>
    executions
      .filter(({ purged = 0 }) => purged > most)
      .map(({ arn, purged }) => `${arn} has purged ${purged} nodes`),
};
