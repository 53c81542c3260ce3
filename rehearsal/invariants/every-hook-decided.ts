import { type Invariant, isLeaving } from "./evidence.ts";

const words = { expired: "its time ran out", limit: "its global limit came" } as const;

/** Every hook of ours was decided by a call; none ran out, and none waits still. */
export const everyHookDecided: Invariant = {
  name: "every-hook-decided",
  judge: ({ instances, hook, accessKey }) =>
    instances.filter(isLeaving).flatMap(({ id, actions }) =>
      actions
        .filter((action) => action.hook === hook)
        .flatMap(({ outcome }) => {
          if (outcome === undefined) return [`${id}: the hook still waits`];
          if (outcome.how === "completed" && outcome.by === accessKey) return [];
          if (outcome.how === "completed") return [`${id}: somebody else completed the hook`];
          if (outcome.how === "cancelled")
            return [`${id}: the instance went another way before the hook was decided`];
          return [`${id}: nobody decided the hook: ${words[outcome.how]}`];
        }),
    ),
};
