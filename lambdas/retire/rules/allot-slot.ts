import type { Lease } from "../../clients/records.ts";

export interface SlotQuestion {
  readonly pool: string;
  /** Slots of the pool, and of the cluster. */
  readonly poolSlots: number;
  readonly clusterSlots: number;
  /** Who asks: the ARN of the execution. */
  readonly holder: string;
  /** The leases that exist, also those above a limit that has sunk since they were taken. */
  readonly leases: readonly Lease[];
  /** Drains of people: each takes a slot of the cluster. */
  readonly drainsByOthers: number;
  /**
   * The executions whose drains are under way. One that was stopped has lost its
   * slot, and its drain goes on: it takes one of the cluster all the same.
   */
  readonly drainsByDrover: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

export type Allotment =
  | { readonly kind: "free"; readonly keys: readonly string[] }
  | { readonly kind: "full"; readonly explanation: string };

export const poolSlotKeys = (pool: string, slots: number): string[] =>
  Array.from({ length: slots }, (_, index) => `slot#pool#${pool}#${index}`);
const clusterPrefix = "slot#cluster#";
export const clusterSlotKeys = (slots: number): string[] =>
  Array.from({ length: slots }, (_, index) => `${clusterPrefix}${index}`);

/** Whether a lease is a slot, of a pool or of the cluster. */
export const isSlot = (key: string): boolean => key.startsWith("slot#");

/**
 * Which slots to try to take: one of the pool and one of the cluster. Those that
 * are held already are kept, so that a repeated call takes no second one.
 */
export const allotSlot = (question: SlotQuestion): Allotment => {
  const { holder, now } = question;
  const live = question.leases.filter((lease) => lease.until >= now);
  const ofCluster = live.filter(({ key }) => key.startsWith(clusterPrefix));
  const ofPool = live.filter(({ key }) => !key.startsWith(clusterPrefix));
  const heldBy = (leases: readonly Lease[]) => leases.find((lease) => lease.holder === holder)?.key;
  const choose = (leases: readonly Lease[], keys: readonly string[]): string | undefined => {
    const taken = new Set(leases.map((lease) => lease.key));
    return heldBy(leases) ?? keys.find((key) => !taken.has(key));
  };

  const poolKey = choose(ofPool, poolSlotKeys(question.pool, question.poolSlots));
  if (!poolKey) {
    return {
      kind: "full",
      explanation: `All ${question.poolSlots} slots of pool ${question.pool} are taken.`,
    };
  }
  const clusterKey = choose(ofCluster, clusterSlotKeys(question.clusterSlots));
  const holders = new Set(ofCluster.map((lease) => lease.holder));
  const left = question.drainsByDrover.filter((owner) => owner !== holder && !holders.has(owner));
  const besides = question.drainsByOthers + left.length;
  const used = ofCluster.length + besides;
  const isMine = heldBy(ofCluster) !== undefined;
  if (!clusterKey || (!isMine && used >= question.clusterSlots)) {
    return {
      kind: "full",
      explanation: `${used} of ${question.clusterSlots} nodes that may drain at once in the cluster do${
        besides > 0
          ? ` (${besides} without a slot: by somebody else's hand, or left by an execution that has ended)`
          : ""
      }.`,
    };
  }
  return { kind: "free", keys: [poolKey, clusterKey] };
};
