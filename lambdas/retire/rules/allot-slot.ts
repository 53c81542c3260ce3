import type { Lease } from "../../clients/records.ts";

export interface SlotQuestion {
  readonly pool: string;
  /** Slots of the pool, and of the cluster. */
  readonly poolSlots: number;
  readonly clusterSlots: number;
  /** Who asks: the ARN of the execution. */
  readonly holder: string;
  /** The leases of all these slots that exist. */
  readonly leases: readonly Lease[];
  /** Drains of people: each takes a slot of the cluster. */
  readonly drainsByOthers: number;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

export type Allotment =
  | { readonly kind: "free"; readonly keys: readonly string[] }
  | { readonly kind: "full"; readonly explanation: string };

export const poolSlotKeys = (pool: string, slots: number): string[] =>
  Array.from({ length: slots }, (_, index) => `slot#pool#${pool}#${index}`);
export const clusterSlotKeys = (slots: number): string[] =>
  Array.from({ length: slots }, (_, index) => `slot#cluster#${index}`);

/**
 * Which slots to try to take: one of the pool and one of the cluster. Those that
 * are held already are kept, so that a repeated call takes no second one.
 */
export const allotSlot = (question: SlotQuestion): Allotment => {
  const { holder, now } = question;
  const holderOf = new Map(
    question.leases.filter((lease) => lease.until >= now).map((lease) => [lease.key, lease.holder]),
  );
  const choose = (keys: readonly string[]): string | undefined =>
    keys.find((key) => holderOf.get(key) === holder) ?? keys.find((key) => !holderOf.has(key));

  const poolKeys = poolSlotKeys(question.pool, question.poolSlots);
  const clusterKeys = clusterSlotKeys(question.clusterSlots);
  const mine = clusterKeys.some((key) => holderOf.get(key) === holder);
  const heldOfCluster = clusterKeys.filter((key) => holderOf.has(key)).length;

  const poolKey = choose(poolKeys);
  if (!poolKey) {
    return {
      kind: "full",
      explanation: `All ${question.poolSlots} slots of pool ${question.pool} are taken.`,
    };
  }
  const clusterKey = choose(clusterKeys);
  const used = heldOfCluster + question.drainsByOthers;
  if (!clusterKey || (!mine && used >= question.clusterSlots)) {
    return {
      kind: "full",
      explanation: `${used} of ${question.clusterSlots} nodes that may drain at once in the cluster do${
        question.drainsByOthers > 0 ? ` (${question.drainsByOthers} by somebody else's hand)` : ""
      }.`,
    };
  }
  return { kind: "free", keys: [poolKey, clusterKey] };
};
