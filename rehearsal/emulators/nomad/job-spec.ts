import type { Job, JobType, TaskGroup } from "./records.ts";

/** How a task behaves on its machine. */
export interface TaskSpec {
  /** @default "main" */
  readonly name?: string;
  /** Ends by itself after this many seconds, as batch work does. @default never */
  readonly runSeconds?: number;
  /** Whether it ends by itself with an error. @default false */
  readonly fails?: boolean;
  /** Seconds from SIGTERM to its exit. At `killTimeoutSeconds` it is killed. @default 0.1 */
  readonly stopSeconds?: number;
  /** @default 5 */
  readonly killTimeoutSeconds?: number;
  /** `poststop` runs after the main tasks have ended, for `runSeconds`. @default a main task */
  readonly lifecycle?: "poststop";
  /** Whether it is a CSI plugin. @default false */
  readonly csiPlugin?: boolean;
  /** What a new version changes in it, so that its allocations are replaced. @default "" */
  readonly revision?: string;
}

/** How a service goes over to a new version: its deployment. */
export interface UpdateSpec {
  /** @default 1 */
  readonly maxParallel?: number;
  /** @default 10 */
  readonly minHealthySeconds?: number;
  /** A deployment that makes no progress for so long has failed. @default 600 */
  readonly progressDeadlineSeconds?: number;
  /** Whether one that failed goes back to the last stable version. @default false */
  readonly autoRevert?: boolean;
}

export interface GroupSpec {
  /** @default "main" */
  readonly name?: string;
  /** @default 1; for system jobs one a node */
  readonly count?: number;
  /** What one allocation takes of a node's capacity. @default 1, for system jobs 0 */
  readonly size?: number;
  /** Seconds from placement to running. @default random, 0.2 to 1 */
  readonly startSeconds?: number;
  readonly migrate?: {
    /** @default 1 */
    readonly maxParallel?: number;
    /** @default 10 */
    readonly minHealthySeconds?: number;
    /** @default 300 */
    readonly healthyDeadlineSeconds?: number;
  };
  /** Services alone. @default what Nomad has for `update` */
  readonly update?: UpdateSpec;
  /** How long allocations on a client that has fallen silent are `unknown`. @default they are lost at once */
  readonly maxClientDisconnectSeconds?: number;
  /** Whether allocations never become healthy. @default false */
  readonly unhealthy?: boolean;
  readonly ephemeralDisk?: {
    readonly sticky?: boolean;
    readonly migrate?: boolean;
    /** Seconds that a replacement takes to pull the data from the old machine. @default 0.5 */
    readonly pullSeconds?: number;
  };
  /** CSI volume that every allocation claims while it lives. */
  readonly volume?: string;
  /** @default one task that runs until it is stopped */
  readonly tasks?: readonly TaskSpec[];
}

export interface JobSpec {
  readonly id: string;
  /** @default "default" */
  readonly namespace?: string;
  /** @default "service" */
  readonly type?: JobType;
  /** @default "default" */
  readonly pool?: string;
  /** Whether no two of its allocations share a node. @default false */
  readonly distinctHosts?: boolean;
  /** @default one group with its defaults */
  readonly groups?: readonly GroupSpec[];
}

const SECOND = 1e9;

/** The record that a server stores for a job. */
export const createJob = (spec: JobSpec, region: string, previous: Job | undefined): Job => {
  const type = spec.type ?? "service";
  const groups = spec.groups ?? [{}];
  return {
    ID: spec.id,
    Name: spec.id,
    Namespace: spec.namespace ?? "default",
    Region: region,
    Type: type,
    Priority: 50,
    Datacenters: ["*"],
    NodePool: spec.pool ?? "default",
    Constraints: spec.distinctHosts
      ? [{ LTarget: "", RTarget: "", Operand: "distinct_hosts" }]
      : null,
    TaskGroups: groups.map((group) => createGroup(group, type)),
    Status: "running",
    Stop: false,
    Version: previous ? previous.Version + 1 : 0,
    CreateIndex: previous?.CreateIndex ?? 0,
    ModifyIndex: 0,
    JobModifyIndex: 0,
  };
};

const createUpdate = ({ update, migrate }: GroupSpec): TaskGroup["Update"] => ({
  MaxParallel: update?.maxParallel ?? 1,
  HealthCheck: "checks",
  MinHealthyTime: (update?.minHealthySeconds ?? migrate?.minHealthySeconds ?? 10) * SECOND,
  HealthyDeadline: 300 * SECOND,
  ProgressDeadline: (update?.progressDeadlineSeconds ?? 600) * SECOND,
  AutoRevert: update?.autoRevert ?? false,
  Canary: 0,
});

const createGroup = (spec: GroupSpec, type: JobType): TaskGroup => ({
  Name: spec.name ?? "main",
  Count: spec.count ?? 1,
  // Only services have a migrate block; the server fills it in where it is missing.
  Migrate:
    type === "service"
      ? {
          MaxParallel: spec.migrate?.maxParallel ?? 1,
          HealthCheck: "checks",
          MinHealthyTime: (spec.migrate?.minHealthySeconds ?? 10) * SECOND,
          HealthyDeadline: (spec.migrate?.healthyDeadlineSeconds ?? 300) * SECOND,
        }
      : null,
  Update: type === "service" ? createUpdate(spec) : null,
  MaxClientDisconnect:
    spec.maxClientDisconnectSeconds === undefined ? null : spec.maxClientDisconnectSeconds * SECOND,
  EphemeralDisk: {
    Sticky: spec.ephemeralDisk?.sticky ?? spec.ephemeralDisk?.migrate ?? false,
    SizeMB: 300,
    Migrate: spec.ephemeralDisk?.migrate ?? false,
  },
  Volumes:
    spec.volume === undefined
      ? null
      : {
          [spec.volume]: { Name: spec.volume, Type: "csi", Source: spec.volume, PerAlloc: false },
        },
  Tasks: (spec.tasks ?? [{}]).map((task) => ({
    Name: task.name ?? (task.lifecycle ? "after" : "main"),
    Driver: "raw_exec",
    KillTimeout: (task.killTimeoutSeconds ?? 5) * SECOND,
    Lifecycle: task.lifecycle ? { Hook: task.lifecycle, Sidecar: false } : null,
    CSIPluginConfig: task.csiPlugin ? { ID: spec.name ?? "csi" } : null,
  })),
});

/** The behaviour of the group that an allocation belongs to. */
export const findGroupSpec = (spec: JobSpec, group: string): GroupSpec =>
  (spec.groups ?? [{}]).find((candidate) => (candidate.name ?? "main") === group) ?? {};

/** Whether two specifications want the same tasks in a group, so that a change needs no restart. */
export const isSameWork = (one: JobSpec, other: JobSpec, group: string): boolean => {
  const workOf = (spec: JobSpec) => {
    const { tasks, size, volume, ephemeralDisk } = findGroupSpec(spec, group);
    return JSON.stringify({ tasks: tasks ?? [{}], size, volume, ephemeralDisk });
  };
  return one === other || workOf(one) === workOf(other);
};

export const taskName = (task: TaskSpec): string =>
  task.name ?? (task.lifecycle ? "after" : "main");
