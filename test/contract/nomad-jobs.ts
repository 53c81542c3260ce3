import type { GroupSpec, JobSpec, TaskSpec } from "../../rehearsal/emulators/nomad/job-spec.ts";

const SECOND = 1_000_000_000;

/** How a real node's memory is divided: the emulator's nodes have room for ten by default. */
const PARTS = 10;

/** Where a task notes each start in its ephemeral disk, so that data which was moved can be told. */
export const STARTS_FILE = "alloc/data/starts";

/** A shell script that behaves as a task should. */
const composeScript = (task: TaskSpec): string => {
  const stop = task.stopSeconds ?? 0;
  // Nomad asks raw_exec tasks to stop with SIGINT.
  const trap = `echo >> "$NOMAD_ALLOC_DIR/data/starts"; trap 'sleep ${stop}; exit 0' INT TERM`;
  if (task.runSeconds === undefined) return `${trap}; while :; do sleep 0.1; done`;
  const turns = Math.round(task.runSeconds * 10);
  const exit = task.fails ? 1 : 0;
  return `${trap}; i=0; while [ $i -lt ${turns} ]; do sleep 0.1; i=$((i+1)); done; exit ${exit}`;
};

const composeTask = (task: TaskSpec, memory: number) => ({
  Name: task.name ?? (task.lifecycle ? "after" : "main"),
  Driver: "raw_exec",
  Config: { command: "/bin/sh", args: ["-c", composeScript(task)] },
  KillTimeout: (task.killTimeoutSeconds ?? 5) * SECOND,
  Resources: { CPU: 10, MemoryMB: memory },
  Env: { REVISION: task.revision ?? "" },
  LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
  ...(task.lifecycle ? { Lifecycle: { Hook: task.lifecycle, Sidecar: false } } : {}),
});

const composeUpdate = (group: GroupSpec) => {
  const { update } = group;
  const progress = update?.progressDeadlineSeconds ?? 120;
  return {
    MaxParallel: update?.maxParallel ?? 1,
    HealthCheck: "task_states",
    MinHealthyTime: (update?.minHealthySeconds ?? group.migrate?.minHealthySeconds ?? 10) * SECOND,
    // Has to be less than the next one.
    HealthyDeadline: (progress / 2) * SECOND,
    ProgressDeadline: progress * SECOND,
    AutoRevert: update?.autoRevert ?? false,
  };
};

const composeGroup = (group: GroupSpec, type: string, nodeMemory: number) => ({
  Name: group.name ?? "main",
  ...(type === "system" || type === "sysbatch" ? {} : { Count: group.count ?? 1 }),
  ...(type === "system" ? {} : { RestartPolicy: { Attempts: 0, Mode: "fail" } }),
  ...(type === "service" || type === "batch"
    ? { ReschedulePolicy: { Attempts: 0, Unlimited: false } }
    : {}),
  ...(type === "service"
    ? {
        Migrate: {
          MaxParallel: group.migrate?.maxParallel ?? 1,
          HealthCheck: "task_states",
          MinHealthyTime: (group.migrate?.minHealthySeconds ?? 10) * SECOND,
          HealthyDeadline: 60 * SECOND,
        },
        Update: composeUpdate(group),
      }
    : {}),
  EphemeralDisk: {
    SizeMB: 20,
    Migrate: group.ephemeralDisk?.migrate ?? false,
    Sticky: group.ephemeralDisk?.sticky ?? group.ephemeralDisk?.migrate ?? false,
  },
  ...(group.maxClientDisconnectSeconds === undefined
    ? {}
    : { MaxClientDisconnect: group.maxClientDisconnectSeconds * SECOND }),
  Tasks: (group.tasks ?? [{}]).map((task) =>
    composeTask(
      task,
      group.size === undefined ? 10 : Math.floor((nodeMemory * group.size) / PARTS),
    ),
  ),
});

/**
 * The same job for a real Nomad: the JSON of its API, with shell scripts as tasks.
 *
 * @param nodeMemory - megabytes of each node, for groups with a size
 */
export const composeJob = (spec: JobSpec, nodeMemory = 0): object => {
  const type = spec.type ?? "service";
  return {
    ID: spec.id,
    Name: spec.id,
    Namespace: spec.namespace ?? "default",
    Type: type,
    Datacenters: ["*"],
    NodePool: spec.pool ?? "default",
    Constraints: spec.distinctHosts ? [{ Operand: "distinct_hosts" }] : null,
    TaskGroups: (spec.groups ?? [{}]).map((group) => composeGroup(group, type, nodeMemory)),
  };
};
