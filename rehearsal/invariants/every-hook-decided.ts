import { type ActionFact, type Evidence, type Invariant, isLeaving } from "./evidence.ts";

const words = { expired: "its time ran out", limit: "its global limit came" } as const;

/** Drover decides a hook this long before its limit at the latest. Milliseconds. */
const lastMoments = 300_000;

const judgeAction = (
  { outcome, limitAt }: ActionFact,
  accessKey: string,
  wasUnknown: boolean,
): string | undefined => {
  if (outcome === undefined) return "the hook still waits";
  if (outcome.how === "completed" && outcome.by === accessKey) {
    const isLate = outcome.at > limitAt - lastMoments && wasUnknown;
    return isLate ? "the hook was held to its limit, and Nomad never knew its node" : undefined;
  }
  if (outcome.how === "completed") return "somebody else completed the hook";
  if (outcome.how === "cancelled")
    return "the instance went another way before the hook was decided";
  return `nobody decided the hook: ${words[outcome.how]}`;
};

/** Instances of which Nomad had no node: it never joined, or somebody else had it forgotten. */
const findUnknown = ({ cluster, chronicle, instances }: Evidence): ReadonlySet<string> => {
  const known = new Set(cluster.before.nodes.map(({ name }) => name));
  const purged = (chronicle?.writes ?? []).filter(
    ({ call, accessor }) => call === "purge" && accessor !== chronicle?.droverAccessor,
  );
  for (const { instanceId } of purged) known.delete(instanceId);
  return new Set(instances.flatMap(({ id }) => (known.has(id) ? [] : [id])));
};

/** Every hook of ours was decided by a call; none ran out, was held in vain, or waits still. */
export const everyHookDecided: Invariant = {
  name: "every-hook-decided",
  judge: (evidence) => {
    const { instances, hook, accessKey } = evidence;
    const unknown = findUnknown(evidence);
    return instances.filter(isLeaving).flatMap(({ id, actions }) =>
      actions
        .filter((action) => action.hook === hook)
        .flatMap((action) => {
          const wrong = judgeAction(action, accessKey, unknown.has(id));
          return wrong === undefined ? [] : [`${id}: ${wrong}`];
        }),
    );
  },
};
