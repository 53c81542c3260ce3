import * as v from "valibot";
import type { Executions, LastState } from "../clients/executions.ts";
import { cordon, node } from "../retire/retirement.ts";
import type { Mark } from "./reconciliation.ts";
import type { Marked } from "./rules/find-marks.ts";

const lastKnown = v.object({
  node: v.optional(v.pick(node, ["id", "member", "next"])),
  cordon: v.optional(v.pick(cordon, ["at", "by", "volumes"])),
});

/**
 * A function outlives its execution when that is stopped: within this time it has
 * sent what it writes to Nomad, a cordon or a drain, or has given up. Until then
 * what is given back might be taken again.
 */
export const functionsSeconds = 120;

/** When the execution had cordoned the node at the latest, as the state says that it came to last. */
const cordonTime = (last: LastState | undefined): string | undefined => {
  const known = v.safeParse(lastKnown, last?.input);
  if (!known.success) return undefined;
  const { node: ofNode, cordon: ofCordon } = known.output;
  if (ofCordon) return ofCordon.by === "drover" ? ofCordon.at : undefined;
  // Stopped while it cordoned, which cold starts and retries make last: nothing has said yet that it did.
  return ofNode?.next === "retire" ? (last?.endedAt ?? last?.enteredAt) : undefined;
};

/** What the last state of a retirement that has ended knew of its node. */
export const describeMark = async (
  executions: Pick<Executions, "lastState">,
  { record, where }: Marked,
  now: number,
): Promise<Mark> => {
  const { instanceId, pool, execution, phase, after = [] } = record;
  const last = await executions.lastState(execution);
  const known = v.safeParse(lastKnown, last?.input);
  const { node: ofNode, cordon: ofCordon } = known.success ? known.output : {};
  let cordonedAt = cordonTime(last);
  let { since } = record;
  // It may have found the node cordoned by one before it.
  for (const earlier of after.toReversed()) {
    if (cordonedAt !== undefined && ofCordon !== undefined) break;
    const at = cordonTime(await executions.lastState(earlier.execution));
    if (at !== undefined) ({ cordonedAt, since } = { cordonedAt: at, since: earlier.since });
    if (at !== undefined) break;
  }
  // Where it failed by itself, it has waited for its functions.
  const isCutShort = phase === "retiring" && last?.endedAt !== undefined;
  return {
    instanceId,
    pool,
    execution,
    phase: phase === "failed" ? "failed" : "retiring",
    where,
    executions: [execution, ...after.map((earlier) => earlier.execution)],
    since,
    isKnown: known.success,
    isRecent: isCutShort && now < Date.parse(last.endedAt) + functionsSeconds * 1000,
    ...(ofNode?.id && { nodeId: ofNode.id }),
    ...(ofNode?.member && { member: ofNode.member }),
    ...(cordonedAt && { cordonedAt }),
    ...(ofCordon && ofCordon.volumes.length > 0 && { volumes: ofCordon.volumes }),
  };
};
