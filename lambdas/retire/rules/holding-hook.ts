import type { Hook } from "../retirement.ts";

/**
 * Which of two hooks holds an instance, the one that is known or the one that an
 * event tells of. Of one action the tighter deadline counts; of two the one that
 * began later, since EventBridge can deliver an old event again.
 */
export const holdingHook = (known: Hook | null, told: Hook): Hook => {
  if (!known) return told;
  const isAnother = known.token && told.token && known.token !== told.token;
  const isTold = isAnother
    ? Date.parse(told.startedAt) > Date.parse(known.startedAt)
    : Date.parse(told.deadline) <= Date.parse(known.deadline);
  return isTold ? told : known;
};
