import type { Agenda } from "../../agenda.ts";
import { between } from "../../random.ts";
import { findGroupSpec, type JobSpec } from "./job-spec.ts";
import type { Leadership } from "../hashicorp/leadership.ts";
import type { Allocation } from "./records.ts";
import { isClientTerminal, isTerminal } from "./records.ts";
import type { State } from "./state.ts";
import { createTaskRunner, type KilledTask, type TaskRunner } from "./task-runner.ts";

/** Work that ended otherwise than it should have; what a rehearsal asserts there is none of. */
export interface Losses {
  /** Tasks that were alive when their machine lost power. */
  readonly killedTasks: (KilledTask & { allocId: string; nodeId: string; at: number })[];
  /** Replacements that should have pulled data and started without it. */
  readonly emptyStarts: {
    allocId: string;
    nodeId: string;
    job: string;
    /** Instance that had the data. */
    from: string | undefined;
    at: number;
  }[];
}

/** One machine with a Nomad client: what really runs, whatever the servers believe. */
export interface Machine {
  readonly nodeId: string;
  readonly instanceId: string;
  readonly capacity: number;
  /** Whether the machine has power. */
  powered: boolean;
  /** Whether its client reaches the servers. */
  connected: boolean;
  liveTasks(): number;
  /** Takes note of an allocation that the servers assigned or changed. */
  receive(alloc: Allocation): void;
  /** Sends what the servers have not heard, and hears what they have decided. */
  synchronise(): void;
  powerOff(): void;
  powerOn(): void;
  /** Whether the data of an allocation can be pulled from here. */
  serves(allocId: string): boolean;
}

export const createMachine = (deps: {
  nodeId: string;
  instanceId: string;
  capacity: number;
  state: State;
  agenda: Agenda;
  random: () => number;
  now: () => number;
  leadership: Leadership;
  losses: Losses;
  specOf: (alloc: Allocation) => JobSpec;
  machineOf: (nodeId: string) => Machine | undefined;
}): Machine => {
  const { nodeId, state, agenda, random, now, leadership, losses } = deps;
  const runners = new Map<string, { alloc: Allocation; tasks: TaskRunner; cancel: () => void }>();
  const data = new Set<string>();
  const unsent = new Set<Allocation>();
  let sending = false;

  /** Updates travel in batches: 200 ms at the client, 50 ms at the server. */
  const report = (alloc: Allocation) => {
    unsent.add(alloc);
    if (sending) return;
    sending = true;
    agenda.after(between(random, [50, 250]), () => {
      sending = false;
      send();
    });
  };

  const send = () => {
    if (unsent.size === 0 || !machine.powered || !machine.connected) return;
    const node = state.nodes.get(nodeId);
    // Refused until the client has registered again: it sends again then.
    if (!node || node.Status === "down" || node.Status === "disconnected") return;
    if (leadership.name === undefined) return leadership.whenLed(send);
    const updates = [...unsent];
    unsent.clear();
    for (const alloc of updates) {
      const runner = runners.get(alloc.ID);
      if (!runner) continue;
      alloc.ClientStatus = runner.tasks.status();
      alloc.TaskStates = runner.tasks.states();
      const healthy = runner.tasks.healthy();
      if (healthy !== null && alloc.DeploymentStatus?.Healthy !== healthy) {
        alloc.DeploymentStatus = {
          Healthy: healthy,
          Timestamp: new Date(now()).toISOString(),
          Canary: false,
          ModifyIndex: 0,
        };
      }
      // A purged job wants nothing to run.
      if (isClientTerminal(alloc) && !state.jobs.has(`${alloc.Namespace}/${alloc.JobID}`)) {
        alloc.DesiredStatus = "stop";
      }
      if (runner.tasks.isOver()) runners.delete(alloc.ID);
    }
    state.putAllocs(updates, now());
  };

  /** Waits for the predecessor's end, then pulls its data, then starts. */
  const prepare = (alloc: Allocation, tasks: TaskRunner): (() => void) => {
    const group = findGroupSpec(deps.specOf(alloc), alloc.TaskGroup);
    const disk = alloc.Job.TaskGroups.find((one) => one.Name === alloc.TaskGroup)?.EphemeralDisk;
    const previous = alloc.PreviousAllocation
      ? state.allocs.get(alloc.PreviousAllocation)
      : undefined;
    let cancel: () => void = () => undefined;
    const start = () => {
      const seconds = group.startSeconds ?? between(random, [0.2, 1]);
      cancel = agenda.after(seconds * 1000, () => {
        data.add(alloc.ID);
        tasks.start();
      });
    };
    const pull = (source: Allocation) => {
      const from = deps.machineOf(source.NodeID);
      const seconds = group.ephemeralDisk?.pullSeconds ?? 0.5;
      cancel = agenda.after(from?.serves(source.ID) ? seconds * 1000 : 100, () => {
        // Only a warning in the client's log tells of it.
        if (!from?.serves(source.ID))
          losses.emptyStarts.push({
            allocId: alloc.ID,
            nodeId,
            job: alloc.JobID,
            from: from?.instanceId,
            at: now(),
          });
        start();
      });
    };
    const wait = (source: Allocation) => {
      if (isClientTerminal(source)) return pull(source);
      cancel = state.watch([`alloc:${source.ID}`], () => wait(source));
    };
    if (disk?.Migrate && previous && previous.NodeID !== nodeId) wait(previous);
    else start();
    return () => cancel();
  };

  const begin = (alloc: Allocation) => {
    const tasks = createTaskRunner({
      alloc,
      group: findGroupSpec(deps.specOf(alloc), alloc.TaskGroup),
      agenda,
      random,
      now,
      changed: () => report(alloc),
    });
    runners.set(alloc.ID, { alloc, tasks, cancel: prepare(alloc, tasks) });
  };

  const obey = (alloc: Allocation) => {
    if (!machine.powered || !machine.connected || !state.nodes.has(nodeId)) return;
    const runner = runners.get(alloc.ID);
    if (!runner) {
      if (!isTerminal(alloc)) begin(alloc);
    } else if (alloc.DesiredStatus === "stop") {
      runner.cancel();
      runner.tasks.stop();
    }
  };

  const machine: Machine = {
    nodeId,
    instanceId: deps.instanceId,
    capacity: deps.capacity,
    powered: true,
    connected: true,

    liveTasks() {
      let alive = 0;
      for (const { tasks } of runners.values()) alive += tasks.alive();
      return alive;
    },

    receive(alloc) {
      const isNews = runners.has(alloc.ID) ? alloc.DesiredStatus === "stop" : !isTerminal(alloc);
      if (isNews) agenda.after(between(random, [5, 50]), () => obey(alloc));
    },

    synchronise() {
      for (const { alloc } of runners.values()) unsent.add(alloc);
      send();
      // What was given up as lost meanwhile runs on for some seconds.
      for (const { alloc } of runners.values()) {
        agenda.after(between(random, [1000, 4000]), () => obey(alloc));
      }
      for (const alloc of state.liveByNode(nodeId))
        if (!runners.has(alloc.ID)) machine.receive(alloc);
    },

    powerOff() {
      machine.powered = false;
      for (const { alloc, tasks, cancel } of runners.values()) {
        cancel();
        for (const task of tasks.destroy()) {
          losses.killedTasks.push({ ...task, allocId: alloc.ID, nodeId, at: now() });
        }
      }
      runners.clear();
      unsent.clear();
    },

    powerOn() {
      machine.powered = true;
    },

    serves: (allocId) => machine.powered && machine.connected && data.has(allocId),
  };
  return machine;
};
