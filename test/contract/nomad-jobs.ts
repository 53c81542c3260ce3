import type { GroupSpec, JobSpec, TaskSpec } from "../../rehearsal/emulators/nomad/job-spec.ts";

const SECOND = 1_000_000_000;

/** A shell script that behaves as a task should. */
const composeScript = (task: TaskSpec): string => {
  const stop = task.stopSeconds ?? 0;
  // Nomad asks raw_exec tasks to stop with SIGINT.
  const trap = `trap 'sleep ${stop}; exit 0' INT TERM`;
  if (task.runSeconds === undefined) return `${trap}; while :; do sleep 0.1; done`;
  const turns = Math.round(task.runSeconds * 10);
  const exit = task.fails ? 1 : 0;
  return `${trap}; i=0; while [ $i -lt ${turns} ]; do sleep 0.1; i=$((i+1)); done; exit ${exit}`;
};

const composeTask = (task: TaskSpec) => ({
  Name: task.name ?? (task.lifecycle ? "after" : "main"),
  Driver: "raw_exec",
  Config: { command: "/bin/sh", args: ["-c", composeScript(task)] },
  KillTimeout: (task.killTimeoutSeconds ?? 5) * SECOND,
  Resources: { CPU: 10, MemoryMB: 10 },
  LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
  ...(task.lifecycle ? { Lifecycle: { Hook: task.lifecycle, Sidecar: false } } : {}),
});

const composeGroup = (group: GroupSpec, type: string) => ({
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
        Update: {
          MaxParallel: 1,
          HealthCheck: "task_states",
          MinHealthyTime: (group.migrate?.minHealthySeconds ?? 10) * SECOND,
          HealthyDeadline: 60 * SECOND,
          ProgressDeadline: 120 * SECOND,
        },
      }
    : {}),
  EphemeralDisk: {
    SizeMB: 20,
    Migrate: group.ephemeralDisk?.migrate ?? false,
    Sticky: group.ephemeralDisk?.sticky ?? group.ephemeralDisk?.migrate ?? false,
  },
  Tasks: (group.tasks ?? [{}]).map(composeTask),
});

/** The same job for a real Nomad: the JSON of its API, with shell scripts as tasks. */
export const composeJob = (spec: JobSpec): object => {
  const type = spec.type ?? "service";
  return {
    ID: spec.id,
    Name: spec.id,
    Namespace: spec.namespace ?? "default",
    Type: type,
    Datacenters: ["*"],
    NodePool: spec.pool ?? "default",
    Constraints: spec.distinctHosts ? [{ Operand: "distinct_hosts" }] : null,
    TaskGroups: (spec.groups ?? [{}]).map((group) => composeGroup(group, type)),
  };
};
