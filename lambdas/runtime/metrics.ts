import type { Clock } from "./clock.ts";

/** The metrics of Drover, and the unit of each. */
const units = {
  Retirements: "Count",
  RetirementsFailed: "Count",
  ForcedDrains: "Count",
  HooksExpired: "Count",
  InstancesRetained: "Count",
  InstancesHeld: "Count",
  DrainsWithoutSlot: "Count",
  ServersRefused: "Count",
  SettingsRefused: "Count",
  EventsDropped: "Count",
  NomadUnreachable: "Count",
  NomadRefused: "Count",
  ConsulUnreachable: "Count",
  ConsulRefused: "Count",
  ReconcilerFindings: "Count",
  ReconcilerRepairs: "Count",
  ReconcilerOrphans: "Count",
  ReconcilerUnknowns: "Count",
  ReconcilerCapped: "Count",
  DoctorErrors: "Count",
  DoctorWarnings: "Count",
  DrainSeconds: "Seconds",
  RetirementSeconds: "Seconds",
} as const;

export type MetricName = keyof typeof units;

export interface Metrics {
  /** Reports values of one pool; a line of its own for each call. */
  report(pool: string, values: Partial<Record<MetricName, number>>): void;
}

/**
 * Metrics in CloudWatch's embedded metric format: a log line that CloudWatch
 * turns into metrics, so that no function needs a permission or a call for it.
 * The pool is the only dimension. The second, empty dimension set is the total
 * over all pools, for the alarms: an alarm cannot sum over a dimension whose
 * values it does not know. (Powertools' metrics always add a `service`
 * dimension, and can write no empty set.)
 */
export const embeddedMetrics = (
  cluster: string,
  clock: Clock,
  write: (line: string) => void,
): Metrics => ({
  report(pool, values) {
    const names = Object.keys(values) as MetricName[];
    if (names.length === 0) return;
    write(
      JSON.stringify({
        _aws: {
          Timestamp: clock.now(),
          CloudWatchMetrics: [
            {
              Namespace: `Drover/${cluster}`,
              Dimensions: [["pool"], []],
              Metrics: names.map((Name) => ({ Name, Unit: units[Name] })),
            },
          ],
        },
        pool,
        ...values,
      }),
    );
  },
});
