import type { Agenda } from "../../agenda.ts";
import { between, uuid } from "../../random.ts";
import type { JobSpec } from "./job-spec.ts";
import type { Leadership } from "../hashicorp/leadership.ts";
import { createMachine, type Losses, type Machine } from "./machine.ts";
import { createNodeRecord, type NodeSpec } from "./node-spec.ts";
import type { NodeWrites } from "./nodes.ts";
import type { Allocation, Node } from "./records.ts";
import type { Scheduler } from "./scheduler.ts";
import type { State } from "./state.ts";

/** The clients of a region: they register, send heartbeats, vanish and come back. */
export const createFleet = (deps: {
  state: State;
  writes: NodeWrites;
  scheduler: Scheduler;
  agenda: Agenda;
  random: () => number;
  now: () => number;
  leadership: Leadership;
  version: string;
  specOf: (alloc: Allocation) => JobSpec;
  capacities: Map<string, number>;
  /** Milliseconds until a purged client is back; undefined if it stays away. */
  returnsAfter: () => number | undefined;
}) => {
  const { state, writes, scheduler, agenda, random, now, leadership } = deps;
  const machines = new Map<string, Machine>();
  const byInstance = new Map<string, Machine[]>();
  const silent = new Map<Machine, () => void>();
  const losses: Losses = { killedTasks: [], emptyStarts: [] };

  const isHeard = (machine: Machine) => machine.powered && machine.connected;

  const becomeReady = (machine: Machine, seconds: number, message?: string) => {
    agenda.after(seconds * 1000, () =>
      leadership.whenLed(() => {
        const node = state.nodes.get(machine.nodeId);
        if (!node || !isHeard(machine) || node.Status === "ready") return;
        writes.setStatus(node, "ready", message);
        scheduler.evaluateNode(node);
        scheduler.unblock();
        machine.synchronise();
      }),
    );
  };

  /** Whether it has work that may be out of reach for a while. */
  const mayReturn = (node: Node) =>
    [...state.liveByNode(node.ID)].some(
      (alloc) =>
        alloc.DesiredStatus === "run" &&
        alloc.Job.TaskGroups.some(
          (group) => group.Name === alloc.TaskGroup && group.MaxClientDisconnect !== null,
        ),
    );

  /** The heartbeat's time to live and grace, as seen: 22 to 27 s after the last sign of life. */
  const expectSilence = (machine: Machine, milliseconds: number) => {
    silent.get(machine)?.();
    silent.set(
      machine,
      agenda.after(milliseconds, () => {
        silent.delete(machine);
        const node = state.nodes.get(machine.nodeId);
        if (!node || isHeard(machine) || node.Status === "down") return;
        const waits = mayReturn(node);
        writes.setStatus(node, waits ? "disconnected" : "down", "Node heartbeat missed");
        scheduler.evaluateNode(node);
        if (waits) expectSilence(machine, between(random, [22_000, 27_000]));
      }),
    );
  };

  const goSilent = (machine: Machine) => {
    if (leadership.name !== undefined) expectSilence(machine, between(random, [22_000, 27_000]));
  };

  // Timers live on the leader. A new one gives every node five minutes, so "ready" can be stale
  // that long.
  leadership.onChange((led) => {
    for (const machine of machines.values()) {
      if (isHeard(machine)) continue;
      silent.get(machine)?.();
      silent.delete(machine);
      if (led && state.nodes.get(machine.nodeId)?.Status !== "down")
        expectSilence(machine, 300_000);
    }
  });

  state.onAlloc((alloc) => machines.get(alloc.NodeID)?.receive(alloc));

  const register = (machine: Machine, spec: NodeSpec, secret: string, readyAfter: number) => {
    const node = createNodeRecord(spec, machine.nodeId, secret, deps.version, now());
    writes.register(node);
    becomeReady(machine, readyAfter);
    return node;
  };

  const specs = new Map<Machine, { spec: NodeSpec; secret: string }>();

  const find = (ref: string): Machine[] => {
    const machine = machines.get(ref);
    return machine ? [machine] : (byInstance.get(ref) ?? []);
  };

  return {
    losses,
    find,
    machines: machines as ReadonlyMap<string, Machine>,

    /** Starts a client. It registers at once (or when there is a leader). */
    add(spec: NodeSpec): Machine {
      const nodeId = spec.nodeId ?? uuid(random);
      const machine = createMachine({
        ...deps,
        nodeId,
        instanceId: spec.instanceId,
        capacity: spec.capacity ?? 10,
        losses,
        machineOf: (id) => machines.get(id),
      });
      const secret = uuid(random);
      machines.set(nodeId, machine);
      byInstance.set(spec.instanceId, [...(byInstance.get(spec.instanceId) ?? []), machine]);
      deps.capacities.set(nodeId, machine.capacity);
      specs.set(machine, { spec, secret });
      leadership.whenLed(() => {
        if (isHeard(machine)) {
          register(machine, spec, secret, spec.readyAfterSeconds ?? between(random, [0.1, 0.5]));
        }
      });
      return machine;
    },

    /** Ends the machines' power: every process dies, and the servers notice when heartbeats miss. */
    powerOff(ref: string) {
      for (const machine of find(ref)) {
        if (!machine.powered) continue;
        const wasHeard = isHeard(machine);
        machine.powerOff();
        if (wasHeard) goSilent(machine);
      }
    },

    powerOn(ref: string) {
      for (const machine of find(ref)) {
        machine.powerOn();
        this.connect(ref);
      }
    },

    /** Cuts the client off from the servers; its tasks go on. */
    disconnect(ref: string) {
      for (const machine of find(ref)) {
        if (!isHeard(machine)) continue;
        machine.connected = false;
        goSilent(machine);
      }
    },

    connect(ref: string) {
      for (const machine of find(ref)) {
        machine.connected = true;
        if (!machine.powered) continue;
        silent.get(machine)?.();
        silent.delete(machine);
        const node = state.nodes.get(machine.nodeId);
        const known = specs.get(machine)!;
        if (!node) register(machine, known.spec, known.secret, 0.2);
        else if (node.Status === "down" || node.Status === "disconnected")
          becomeReady(machine, 0.2, "Node reregistered by heartbeat");
        else machine.synchronise();
      }
    },

    /**
     * The client starts again with other meta. Its node stays what it is otherwise, and leaves no
     * event of it, as long as it was not down (state_store.go, upsertNodeTxn).
     */
    restartAgent(ref: string, meta: Readonly<Record<string, string>>) {
      for (const machine of find(ref)) {
        const known = specs.get(machine)!;
        specs.set(machine, { ...known, spec: { ...known.spec, meta } });
        leadership.whenLed(() => {
          const node = state.nodes.get(machine.nodeId);
          if (node && isHeard(machine)) writes.setMeta(node, meta);
        });
      }
    },

    /** A purge took the record away. A living client may register anew; until then its tasks go on. */
    notePurge(nodeId: string) {
      const machine = machines.get(nodeId);
      const delay = deps.returnsAfter();
      if (!machine || delay === undefined) return;
      agenda.after(delay, () =>
        leadership.whenLed(() => {
          if (!isHeard(machine) || state.nodes.has(nodeId)) return;
          const known = specs.get(machine)!;
          register(machine, known.spec, known.secret, between(random, [0, 0.1]));
        }),
      );
    },
  };
};

export type Fleet = ReturnType<typeof createFleet>;
