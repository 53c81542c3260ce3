import { goTime } from "../hashicorp/go-json.ts";
import type { Agenda } from "../../agenda.ts";
import { between, uuid } from "../../random.ts";
import type { JobSpec } from "./job-spec.ts";
import type { Leadership } from "../hashicorp/leadership.ts";
import { createMachine, type Losses, type Machine } from "./machine.ts";
import type { NodeWrites } from "./nodes.ts";
import type { Allocation, Node } from "./records.ts";
import type { Scheduler } from "./scheduler.ts";
import type { State } from "./state.ts";

/** A Nomad client to be started on a machine. */
export interface NodeSpec {
  readonly instanceId: string;
  /** Private address. */
  readonly address: string;
  /** @default the instance id */
  readonly name?: string;
  /** Node pool. @default "default" */
  readonly pool?: string;
  /** Name of the Consul agent beside it; empty for none. @default the node's name */
  readonly consulName?: string;
  readonly datacenter?: string;
  readonly nodeClass?: string;
  /** @default "eu-central-1a" */
  readonly zone?: string;
  /** @default the version of the servers */
  readonly version?: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly attributes?: Readonly<Record<string, string>>;
  /** Whether the EC2 fingerprinter was in time. Without it there is no instance id. @default true */
  readonly fingerprinted?: boolean;
  /** Sum of the sizes of the allocations that fit. @default 10 */
  readonly capacity?: number;
  /** Seconds that the node stays `initializing`. @default random, 0.1 to 0.5 */
  readonly readyAfterSeconds?: number;
  /** Drivers, with their health. @default raw_exec, healthy */
  readonly drivers?: Readonly<Record<string, boolean>>;
  /** @default a random UUID */
  readonly nodeId?: string;
}

const createRecord = (
  spec: NodeSpec,
  id: string,
  secret: string,
  version: string,
  now: number,
): Node => {
  const name = spec.name ?? spec.instanceId;
  const consul = spec.consulName ?? name;
  const drivers = Object.entries(spec.drivers ?? { raw_exec: true });
  return {
    ID: id,
    SecretID: secret,
    Datacenter: spec.datacenter ?? "dc1",
    Name: name,
    HTTPAddr: `${spec.address}:4646`,
    TLSEnabled: false,
    Attributes: {
      "cpu.arch": "arm64",
      "kernel.name": "linux",
      "os.name": "alpine",
      "nomad.version": spec.version ?? version,
      "unique.hostname": name,
      "unique.network.ip-address": spec.address,
      ...(consul
        ? { "unique.consul.name": consul, "consul.datacenter": spec.datacenter ?? "dc1" }
        : {}),
      ...(spec.fingerprinted === false
        ? {}
        : {
            "unique.platform.aws.instance-id": spec.instanceId,
            "unique.platform.aws.local-ipv4": spec.address,
            "platform.aws.placement.availability-zone": spec.zone ?? "eu-central-1a",
          }),
      ...Object.fromEntries(drivers.map(([driver]) => [`driver.${driver}`, "1"])),
      ...spec.attributes,
    },
    Links: {},
    Meta: { ...spec.meta },
    NodeClass: spec.nodeClass ?? "",
    NodePool: spec.pool ?? "default",
    ComputedClass: "",
    DrainStrategy: null,
    SchedulingEligibility: "eligible",
    Status: "initializing",
    StatusDescription: "",
    StatusUpdatedAt: 0,
    Events: [],
    Drivers: Object.fromEntries(
      drivers.map(([driver, healthy]) => [
        driver,
        {
          Attributes: null,
          Detected: true,
          Healthy: healthy,
          HealthDescription: healthy ? "Healthy" : "Failed",
          UpdateTime: goTime(now),
        },
      ]),
    ),
    CSIControllerPlugins: {},
    CSINodePlugins: {},
    HostVolumes: null,
    LastDrain: null,
    CreateIndex: 0,
    ModifyIndex: 0,
  };
};

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

  /** The heartbeat's time to live and grace, as seen: 22 to 27 s after the last sign of life. */
  const expectSilence = (machine: Machine, milliseconds: number) => {
    silent.get(machine)?.();
    silent.set(
      machine,
      agenda.after(milliseconds, () => {
        silent.delete(machine);
        const node = state.nodes.get(machine.nodeId);
        if (!node || isHeard(machine) || node.Status === "down") return;
        writes.setStatus(node, "down", "Node heartbeat missed");
        scheduler.evaluateNode(node);
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
    const node = createRecord(spec, machine.nodeId, secret, deps.version, now());
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
        else if (node.Status === "down")
          becomeReady(machine, 0.2, "Node reregistered by heartbeat");
        else machine.synchronise();
      }
    },

    /** A purge took the record away. A living client registers anew at its next heartbeat. */
    notePurge(nodeId: string) {
      const machine = machines.get(nodeId);
      if (!machine) return;
      agenda.after(between(random, [0, 12_000]), () =>
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
