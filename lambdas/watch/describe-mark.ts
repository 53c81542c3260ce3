import * as v from "valibot";
import type { Executions } from "../clients/executions.ts";
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

/** What the last state of a retirement that has ended knew of its node. */
export const describeMark = async (
  executions: Pick<Executions, "lastState">,
  { record, where }: Marked,
  now: number,
): Promise<Mark> => {
  const { instanceId, pool, execution, phase } = record;
  const last = await executions.lastState(execution);
  const known = v.safeParse(lastKnown, last?.input);
  const { node: ofNode, cordon: ofCordon } = known.success ? known.output : {};
  // Stopped while it cordoned: nothing has said yet that it did.
  const isCordoning = ofNode?.next === "retire" && ofCordon === undefined;
  const cordonedAt =
    ofCordon?.by === "drover" ? ofCordon.at : isCordoning ? last?.enteredAt : undefined;
  // Where it failed by itself, it has waited for its functions.
  const isCutShort = phase === "retiring" && last?.endedAt !== undefined;
  return {
    instanceId,
    pool,
    execution,
    phase: phase === "failed" ? "failed" : "retiring",
    where,
    isKnown: known.success,
    isRecent: isCutShort && now < Date.parse(last.endedAt) + functionsSeconds * 1000,
    ...(ofNode?.id && { nodeId: ofNode.id }),
    ...(ofNode?.member && { member: ofNode.member }),
    ...(cordonedAt && { cordonedAt }),
    ...(ofCordon && ofCordon.volumes.length > 0 && { volumes: ofCordon.volumes }),
  };
};
