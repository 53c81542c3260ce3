import { goTime } from "../hashicorp/go-json.ts";
import type { Agenda } from "../../agenda.ts";
import { between } from "../../random.ts";
import type { GroupSpec, TaskSpec } from "./job-spec.ts";
import { taskName } from "./job-spec.ts";
import type { Allocation, ClientStatus, TaskState } from "./records.ts";

/** The tasks of one allocation on its machine. */
export interface TaskRunner {
  /** Tasks whose processes exist. */
  alive(): number;
  /** Whether nothing is running nor will be. */
  isOver(): boolean;
  status(): ClientStatus;
  states(): Record<string, TaskState>;
  healthy(): boolean | null;
  start(): void;
  /** SIGTERM, and SIGKILL when the kill timeout is over. */
  stop(): void;
  /** The machine is gone, and all processes with it. Says what it killed. */
  destroy(): KilledTask[];
}

/** A task that was alive when its machine went. */
export interface KilledTask {
  readonly task: string;
  /** Told to stop, it had until then to do so (milliseconds since the epoch). */
  readonly stopsBy?: number;
}

/** Runs tasks: they start, end by themselves or when told, and poststop ones follow. */
export const createTaskRunner = (deps: {
  alloc: Allocation;
  group: GroupSpec;
  agenda: Agenda;
  random: () => number;
  now: () => number;
  changed: () => void;
}): TaskRunner => {
  const { alloc, group, agenda, random, now, changed } = deps;
  const specs = group.tasks ?? [{}];
  const main = specs.filter((task) => task.lifecycle === undefined);
  const after = specs.filter((task) => task.lifecycle === "poststop");
  const pending = new Set<() => void>();
  const states = new Map<string, TaskState>(
    specs.map((task) => [
      taskName(task),
      {
        State: "pending",
        Failed: false,
        Restarts: 0,
        LastRestart: null,
        StartedAt: null,
        FinishedAt: null,
        Events: [],
      },
    ]),
  );
  let healthy: boolean | null = null;
  let started = false;
  let stopping = false;
  const stopsBy = new Map<string, number>();

  const later = (seconds: number, action: () => void) => {
    const cancel = agenda.after(seconds * 1000, () => {
      pending.delete(cancel);
      action();
    });
    pending.add(cancel);
    return cancel;
  };
  const cancelAll = () => {
    for (const cancel of pending) cancel();
    pending.clear();
  };

  const stateOf = (task: TaskSpec) => states.get(taskName(task))!;
  const isDone = (tasks: readonly TaskSpec[]) =>
    tasks.every((task) => stateOf(task).State === "dead");

  const begin = (task: TaskSpec, tell = false) => {
    const state = stateOf(task);
    state.State = "running";
    state.StartedAt = goTime(now());
    // A poststop task that does not say how long is a quick one.
    const seconds = task.runSeconds ?? (task.lifecycle ? 1 : undefined);
    if (seconds !== undefined) later(seconds, () => end(task, task.fails ?? false));
    if (tell) changed();
  };

  const end = (task: TaskSpec, failed: boolean) => {
    const state = stateOf(task);
    if (state.State === "dead") return;
    const ran = state.State === "running";
    state.State = "dead";
    state.Failed = failed;
    state.FinishedAt = ran ? goTime(now()) : null;
    if (task.lifecycle === undefined && isDone(main)) {
      for (const follower of after) {
        if (!started) stateOf(follower).State = "dead";
        else later(between(random, [0.05, 0.2]), () => begin(follower, true));
      }
    }
    changed();
  };

  const watchHealth = () => {
    const record = alloc.Job.TaskGroups.find((one) => one.Name === alloc.TaskGroup);
    const migrate = record?.Migrate;
    if (alloc.Job.Type !== "service" || !migrate) return;
    const soonest =
      alloc.DeploymentID === "" ? migrate.MinHealthyTime : record.Update!.MinHealthyTime;
    const nanoseconds = group.unhealthy ? migrate.HealthyDeadline : soonest;
    later(nanoseconds / 1e9, () => {
      healthy = !group.unhealthy;
      changed();
    });
  };

  return {
    alive: () => [...states.values()].filter((state) => state.State === "running").length,
    isOver: () => isDone(specs),
    healthy: () => healthy,
    states: () => Object.fromEntries([...states].map(([name, state]) => [name, { ...state }])),

    status() {
      const all = [...states.values()];
      // One failed task decides, even while a poststop task still runs.
      if (all.some((state) => state.State === "dead" && state.Failed)) return "failed";
      if (all.some((state) => state.State === "running")) return "running";
      if (all.some((state) => state.State === "pending")) return "pending";
      return "complete";
    },

    start() {
      started = true;
      for (const task of main) begin(task);
      watchHealth();
      changed();
    },

    stop() {
      if (stopping) return;
      stopping = true;
      // Poststop tasks that already run are left to their end.
      if (isDone(main)) return;
      cancelAll();
      for (const task of main) {
        if (stateOf(task).State === "pending") end(task, false);
        else if (stateOf(task).State === "running") {
          const timeout = task.killTimeoutSeconds ?? 5;
          const seconds = Math.min(task.stopSeconds ?? between(random, [0.05, 0.15]), timeout);
          stopsBy.set(taskName(task), now() + timeout * 1000);
          later(seconds, () => end(task, false));
        }
      }
    },

    destroy() {
      cancelAll();
      const killed = [...states].filter(([, state]) => state.State === "running");
      for (const [, state] of killed) state.State = "dead";
      return killed.map(([task]) => {
        const by = stopsBy.get(task);
        return { task, ...(by !== undefined && { stopsBy: by }) };
      });
    },
  };
};
