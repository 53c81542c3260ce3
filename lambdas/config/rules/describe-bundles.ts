import type { Step } from "../channel.ts";
import type { PoolBundles, ReportedMachine } from "../list-bundles.ts";
import { timeText } from "./move-channel.ts";

/** One bundle of a pool, and all that is known of it. */
export interface BundleRow {
  readonly sha256: string;
  readonly place: "current" | "candidate" | "previous" | null;
  /** Of the compressed archive; null when it was removed, and the history still knows it. */
  readonly bytes: number | null;
  /** ISO 8601 in UTC. */
  readonly stored: string | null;
  readonly moves: readonly Step[];
  /** Ids of the instances whose last report names it. */
  readonly machines: readonly string[];
}

export interface MachineRow {
  readonly instanceId: string;
  readonly bundle: string | null;
  /** As in its report, or `unreadable`. */
  readonly state: string;
  readonly time: string | null;
  readonly reason: string | null;
}

/** What is known of the bundles of a pool, for people and programs. */
export interface BundlesReport {
  readonly pool: string;
  readonly serial: number | null;
  readonly issued: string | null;
  /** Those in use first, then the newest first. */
  readonly bundles: readonly BundleRow[];
  readonly machines: readonly MachineRow[];
}

/** Letters. Machines write their own reports, and the state of an execution has at most 256 KiB. */
const longestReason = 500;

const shorten = (text: string): string =>
  text.length <= longestReason ? text : `${text.slice(0, longestReason).toWellFormed()}…`;

const machineRow = ({ instanceId, report }: ReportedMachine): MachineRow => ({
  instanceId,
  bundle: report?.bundle ?? null,
  state: report?.state ?? "unreadable",
  time: report?.time ?? null,
  reason: report?.reason === undefined ? null : shorten(report.reason),
});

const places = ["current", "candidate", "previous"] as const;

/** Brings channel, archives and reports together. */
export const describeBundles = (
  pool: string,
  { channel, stored, machines }: PoolBundles,
): BundlesReport => {
  const steps = channel?.history ?? [];
  const rows = machines.map(machineRow);
  const newestFirst = stored.toSorted((one, other) => other.stored - one.stored);
  const digests = new Set([
    ...places.map((place) => channel?.[place]),
    ...newestFirst.map(({ sha256 }) => sha256),
    ...steps.toReversed().map(({ sha256 }) => sha256),
    ...rows.map(({ bundle }) => bundle),
  ]);
  return {
    pool,
    serial: channel?.serial ?? null,
    issued: channel?.issued ?? null,
    bundles: [...digests]
      .filter((sha256) => typeof sha256 === "string")
      .map((sha256): BundleRow => {
        const archive = stored.find((each) => each.sha256 === sha256);
        return {
          sha256,
          place: places.find((place) => channel?.[place] === sha256) ?? null,
          bytes: archive?.bytes ?? null,
          stored: archive ? timeText(archive.stored) : null,
          moves: steps.filter((step) => step.sha256 === sha256),
          machines: rows
            .filter(({ bundle }) => bundle === sha256)
            .map(({ instanceId }) => instanceId),
        };
      }),
    machines: rows,
  };
};
