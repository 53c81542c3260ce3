import type { LastDrain } from "../clients/nomad.ts";
import type { Drain } from "./retirement.ts";

/**
 * What a drain of Drover's says of itself in Nomad (`LastDrain.Meta`): which
 * execution asked for it, and which pass it is. It is how a repeated call knows
 * its own drain, and how drains of people are told from ours.
 */
const ownerKey = "drover";
const passKey = "drover_pass";

export const drainMark = (execution: string, pass: Drain["pass"]): Record<string, string> => ({
  [ownerKey]: execution,
  [passKey]: pass,
  message: "retired by Drover",
});

export const isDrainOf = (
  lastDrain: LastDrain | null,
  execution: string,
  pass: Drain["pass"],
): boolean => lastDrain?.Meta?.[ownerKey] === execution && lastDrain.Meta[passKey] === pass;

/** The execution that asked for the last drain of a node, when it was one of ours. */
export const drainOwner = (lastDrain: LastDrain | null): string | undefined =>
  lastDrain?.Meta?.[ownerKey];
