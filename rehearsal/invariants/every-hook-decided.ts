import { type ActionFact, type Invariant, isLeaving } from "./evidence.ts";

const words = { expired: "its time ran out", limit: "its global limit came" } as const;

/** Drover decides a hook this long before its limit at the latest. Milliseconds. */
const lastMoments = 600_000;

const judgeAction = (
  { outcome, limitAt }: ActionFact,
  accessKey: string,
  wasDrained: boolean,
): string | undefined => {
  if (outcome === undefined) return "the hook still waits";
  if (outcome.how === "completed" && outcome.by === accessKey) {
    const isLate = outcome.at > limitAt - lastMoments && !wasDrained;
    return isLate ? "the hook was held to its limit, and nothing was drained" : undefined;
  }
  if (outcome.how === "completed") return "somebody else completed the hook";
  if (outcome.how === "cancelled")
    return "the instance went another way before the hook was decided";
  return `nobody decided the hook: ${words[outcome.how]}`;
};

/** Every hook of ours was decided by a call; none ran out, was held in vain, or waits still. */
export const everyHookDecided: Invariant = {
  name: "every-hook-decided",
  judge: ({ instances, hook, accessKey, chronicle }) => {
    const drained = new Set(chronicle?.drains.map(({ instanceId }) => instanceId));
    return instances.filter(isLeaving).flatMap(({ id, actions }) =>
      actions
        .filter((action) => action.hook === hook)
        .flatMap((action) => {
          const wasDrained = chronicle === undefined || drained.has(id);
          const wrong = judgeAction(action, accessKey, wasDrained);
          return wrong === undefined ? [] : [`${id}: ${wrong}`];
        }),
    );
  },
};
