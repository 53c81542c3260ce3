import * as v from "valibot";
import { onlyFields } from "./only-fields.ts";

const seconds = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

const hour = 3600;

/**
 * The settings of a pool, as they lie in the parameter `…/pools/<pool>` (JSON).
 * All spans are whole seconds. A field that is left out takes its default; an
 * unknown one is refused by name, since a misspelt deadline must not become a
 * default in silence.
 */
export const poolSettings = onlyFields({
  /** How long applications have to move away before Nomad stops them. */
  drainDeadlineSeconds: v.optional(seconds(1, 47 * hour), hour / 2),
  /**
   * The deadline of a node on which batch or sysbatch work runs: a forced batch
   * job starts again from zero. By default the drain deadline.
   */
  batchDrainDeadlineSeconds: v.optional(seconds(1, 47 * hour)),
  /** The same for system jobs, which are drained last. */
  systemDrainDeadlineSeconds: v.optional(seconds(1, hour), 60),
  /** What becomes of an instance that could not be drained, or only by force. */
  onDrainFailure: v.optional(v.picklist(["continue", "retain"]), "continue"),
  /** How many nodes of the pool may drain at the same time. */
  slots: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)), 1),
  /** How long a machine may take from its launch until its node has registered. */
  joinGraceSeconds: v.optional(seconds(0, 2 * hour), 600),
  /** Decide and report everything, do nothing but heartbeats and completions. */
  observeOnly: v.optional(v.boolean(), false),
});
export type PoolSettings = v.InferOutput<typeof poolSettings>;

/** Of settings that are not right as a whole what is right of them; defaults for the rest. */
export const rightSettings = (json: unknown): PoolSettings => {
  const given = typeof json === "object" && json !== null ? json : {};
  const right = Object.entries(given).filter(([name, value]) =>
    v.is(poolSettings, { [name]: value }),
  );
  return v.parse(poolSettings, Object.fromEntries(right));
};
