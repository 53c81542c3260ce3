/** A job as the API's JSON; only what Drover's rehearsals vary. */
export interface SleepJob {
  readonly ID: string;
  readonly Type: string;
  readonly [field: string]: unknown;
}

/** Options of {@link composeSleepJob}. */
export interface SleepJobOptions {
  /** @default "service" */
  readonly type?: "service" | "batch" | "system" | "sysbatch";
  /** How many run at once; system jobs run on every node instead. @default 1 */
  readonly count?: number;
  /** A shell script. @default one that sleeps for an hour and ends when asked to */
  readonly script?: string;
  /** How long the task may take to stop, in seconds. @default 1 */
  readonly killTimeoutSeconds?: number;
  /** Whether the data in `alloc/data` moves along with an allocation. @default false */
  readonly migrateData?: boolean;
  /** @default "*" */
  readonly datacenter?: string;
  /** Only nodes whose meta `drover.pool` has this value. */
  readonly pool?: string;
  /** @default "default" */
  readonly nodePool?: string;
}

const seconds = (count: number): number => count * 1_000_000_000;

/**
 * Composes a job of one task that sleeps. Its allocations are healthy a second after they started,
 * so that drains and deployments go quickly.
 */
export const composeSleepJob = (id: string, options: SleepJobOptions = {}): SleepJob => {
  const type = options.type ?? "service";
  return {
    ID: id,
    Name: id,
    Type: type,
    Datacenters: [options.datacenter ?? "*"],
    NodePool: options.nodePool ?? "default",
    ...(options.pool === undefined
      ? {}
      : { Constraints: [{ LTarget: "${meta.drover.pool}", Operand: "=", RTarget: options.pool }] }),
    TaskGroups: [
      {
        Name: "main",
        ...(type === "system" || type === "sysbatch" ? {} : { Count: options.count ?? 1 }),
        ...(type === "service"
          ? {
              Migrate: {
                MaxParallel: 1,
                HealthCheck: "task_states",
                MinHealthyTime: seconds(1),
                HealthyDeadline: seconds(60),
              },
              Update: {
                MaxParallel: 1,
                HealthCheck: "task_states",
                MinHealthyTime: seconds(1),
                HealthyDeadline: seconds(60),
                ProgressDeadline: seconds(120),
              },
            }
          : {}),
        EphemeralDisk: {
          SizeMB: 20,
          Migrate: options.migrateData ?? false,
          Sticky: options.migrateData ?? false,
        },
        Tasks: [
          {
            Name: "sleep",
            Driver: "raw_exec",
            Config: { command: "/bin/sh", args: ["-c", options.script ?? "exec sleep 3600"] },
            KillTimeout: seconds(options.killTimeoutSeconds ?? 1),
            Resources: { CPU: 20, MemoryMB: 10 },
            LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
          },
        ],
      },
    ],
  };
};
