import type { Clock } from "../../../lambdas/runtime/clock.ts";
import type { Service } from "../service.ts";
import { createAgenda } from "../../agenda.ts";
import { between, type Random, seeded } from "../../random.ts";
import { createAcl, type Acl } from "./acl.ts";
import { type Census, takeCensus } from "./census.ts";
import { createDeployments } from "./deployments.ts";
import type { MaxParallel } from "./drain-jobs.ts";
import { createDrainer } from "./drainer.ts";
import { createFleet } from "./fleet.ts";
import type { NodeSpec } from "./node-spec.ts";
import { createHttp } from "./http.ts";
import { createJob, findGroupSpec, isSameWork, type JobSpec } from "./job-spec.ts";
import { keepJournal, type NodeWrite } from "./journal.ts";
import { createLeadership } from "../hashicorp/leadership.ts";
import type { Losses } from "./machine.ts";
import { createNodeWrites } from "./nodes.ts";
import { createPlacement } from "./placement.ts";
import type { Allocation, Job, Node } from "./records.ts";
import { jobKey } from "./records.ts";
import { createAclReads } from "./routes-acl.ts";
import { createReads } from "./routes-read.ts";
import { createVolumeReads } from "./routes-volumes.ts";
import { createRouteWrites } from "./routes-write.ts";
import { createScheduler } from "./scheduler.ts";
import { createServers, type Outage, type ServerSpec } from "../hashicorp/servers.ts";
import { createState } from "./state.ts";
import { createVolumes, type VolumeOptions } from "./volumes.ts";

export interface NomadOptions {
  readonly clock: Clock;
  /** Seeded; everything that varies comes from it. */
  readonly random: Random;
  /** @default "global" */
  readonly region?: string;
  /** Of servers and clients. @default "1.6.1" */
  readonly version?: string;
  /** @default as the version does: raced before 1.10.3 */
  readonly maxParallel?: MaxParallel;
  /**
   * What makes a living client register again once its node is purged. Without
   * ACLs the answer to its next heartbeat (0 to 12 s, always). With ACLs that
   * heartbeat is only refused (its secret is unknown): a changed fingerprint, as
   * seen for two of six after 18 to 30 s, for the others not within five minutes.
   *
   * @default as the ACLs are
   */
  readonly purgedReturn?: "by heartbeat" | "by fingerprint";
}

/** What is really so, whatever the API says. `ref` is a node id or an instance id. */
export interface NomadTruth {
  /** Name of the server that leads. */
  readonly leader: string | undefined;
  /** Tasks whose processes exist. */
  liveTasks(ref: string): number;
  /** The record of the node, if the servers have one. */
  node(ref: string): Node | undefined;
  allocations(ref: string): Allocation[];
  allocationsOf(job: string, namespace?: string): Allocation[];
  isBlocked(job: string, namespace?: string): boolean;
  /** CSI volumes whose claims name the node, as `namespace/id`. */
  claims(nodeId: string): string[];
  readonly losses: Losses;
  /** Every write to a node, oldest first, and whose it was. */
  readonly journal: readonly NodeWrite[];
  readonly census: Census;
  /** Whether `max_parallel` holds also when several nodes drain. */
  readonly keepsMaxParallel: boolean;
}

/** An emulated Nomad region: its servers, its clients and their work. */
export interface Nomad {
  /** All its callers share one client address and its 100 connections. */
  readonly service: Service;
  /** A service for callers with an address of their own. */
  connect(): Service;
  readonly acl: Pick<Acl, "addToken" | "removeToken" | "addPolicy" | "addRole">;

  /** Adds a server; the first one leads. */
  addServer(spec: ServerSpec): void;
  setServerAlive(name: string, alive: boolean): void;
  /** Makes a server lead, or nobody. */
  setLeader(name: string | undefined): void;
  /** Cuts callers off from every server. */
  setOutage(outage: Outage | undefined): void;

  /** Starts a client on a machine. Returns the node id. */
  addNode(spec: NodeSpec): string;
  powerOff(ref: string): void;
  powerOn(ref: string): void;
  disconnect(ref: string): void;
  reconnect(ref: string): void;
  /** The client starts again with other meta, and its tasks go on: its node is the one that it was. */
  restartAgent(ref: string, meta: Readonly<Record<string, string>>): void;

  /** Registers a job, or a new version of it. */
  runJob(spec: JobSpec): void;
  stopJob(id: string, namespace?: string): void;
  purgeJob(id: string, namespace?: string): void;
  addVolume(id: string, options?: VolumeOptions): void;

  readonly truth: NomadTruth;
}

const isBefore = (version: string, bound: readonly number[]): boolean => {
  const parts = version.split(/[.+-]/).map(Number);
  for (const [index, limit] of bound.entries()) {
    const part = parts[index] ?? 0;
    if (part !== limit) return part < limit;
  }
  return false;
};

/** Starts an emulated region, empty but for what is added to it. */
export const createNomad = (options: NomadOptions): Nomad => {
  const { clock, random } = options;
  const version = options.version ?? "1.6.1";
  const region = options.region ?? "global";
  const now = () => clock.now();
  const agenda = createAgenda(clock);
  const state = createState();
  const leadership = createLeadership(clock, { belief: 2000, hold: 5000 });
  const servers = createServers("Nomad", version);
  const acl = createAcl(now);
  const writes = createNodeWrites(state, now);
  const capacities = new Map<string, number>();
  const specs = new Map<Job, JobSpec>();
  const specOf = (job: Job) => specs.get(job)!;

  const placement = createPlacement(
    state,
    {
      capacityOf: (nodeId) => capacities.get(nodeId) ?? 0,
      sizeOf: (job, group) =>
        findGroupSpec(specOf(job), group).size ?? (job.Type === "system" ? 0 : 1),
    },
    random,
  );
  const scheduler = createScheduler({
    state,
    placement,
    clock,
    agenda,
    random,
    leadership,
    deployments: () => deployments,
    isSameWork: (one, other, group) => isSameWork(specOf(one), specOf(other), group),
  });
  const register = (spec: JobSpec) => {
    const name = jobKey({ Namespace: spec.namespace ?? "default", ID: spec.id });
    const job = createJob(spec, region, state.jobs.get(name));
    specs.set(job, spec);
    job.JobModifyIndex = state.putJob(job);
    scheduler.evaluate(name);
  };
  const deployments = createDeployments({
    state,
    agenda,
    random: seeded(1),
    now,
    leadership,
    evaluate: (name) => scheduler.evaluate(name),
    revert: (to) => register(specOf(to)),
  });
  const fleet = createFleet({
    state,
    writes,
    scheduler,
    agenda,
    random,
    now,
    leadership,
    version,
    specOf: (alloc) => specOf(alloc.Job),
    capacities,
    returnsAfter() {
      const way = options.purgedReturn ?? (acl.enabled ? "by fingerprint" : "by heartbeat");
      if (way === "by heartbeat") return between(random, [0, 12_000]);
      return random() < 1 / 3 ? between(random, [17_000, 31_000]) : undefined;
    },
  });
  const rules = {
    maxParallel: options.maxParallel ?? (isBefore(version, [1, 10, 3]) ? "raced" : "kept"),
  } as const;
  createDrainer({ state, writes, scheduler, clock, agenda, leadership, rules });
  const census = takeCensus(state, now);
  const { writes: routeWrites, journal } = keepJournal(
    createRouteWrites({ state, writes, scheduler, fleet }),
    state,
    now,
  );
  const volumes = createVolumes({ state, agenda, random, specOf: (alloc) => specOf(alloc.Job) });
  const connect = createHttp({
    state,
    clock,
    random,
    leadership,
    servers,
    acl,
    region,
    reads: createReads(state),
    volumes: createVolumeReads(state),
    acls: createAclReads(acl),
    writes: routeWrites,
  });

  const key = (id: string, namespace = "default") => jobKey({ Namespace: namespace, ID: id });

  return {
    service: connect(),
    connect,
    acl,

    addServer(spec) {
      servers.add(spec);
      if (leadership.term === 0) leadership.set(spec.name);
    },
    setServerAlive: (name, alive) => servers.setAlive(name, alive),
    setLeader: (name) => leadership.set(name),
    setOutage: (outage) => servers.setOutage(outage),

    addNode: (spec) => fleet.add(spec).nodeId,
    powerOff: (ref) => fleet.powerOff(ref),
    powerOn: (ref) => fleet.powerOn(ref),
    disconnect: (ref) => fleet.disconnect(ref),
    reconnect: (ref) => fleet.connect(ref),
    restartAgent: (ref, meta) => fleet.restartAgent(ref, meta),

    runJob: register,
    stopJob(id, namespace) {
      const job = state.jobs.get(key(id, namespace));
      if (!job) throw new Error(`no job is called ${id}`);
      job.Stop = true;
      state.putJob(job);
      scheduler.evaluate(key(id, namespace));
    },
    purgeJob(id, namespace) {
      state.removeJob(key(id, namespace));
      scheduler.evaluate(key(id, namespace));
    },
    addVolume: (id, options) => volumes.add(id, options),

    truth: {
      get leader() {
        return leadership.name;
      },
      liveTasks: (ref) => fleet.find(ref).reduce((sum, machine) => sum + machine.liveTasks(), 0),
      node: (ref) => state.nodes.get(ref) ?? [...state.nodesByInstance(ref)][0],
      allocations: (ref) =>
        fleet.find(ref).flatMap((machine) => [...state.allocsByNode(machine.nodeId)]),
      allocationsOf: (job, namespace) => [...state.allocsByJob(key(job, namespace))],
      isBlocked: (job, namespace) => scheduler.isBlocked(key(job, namespace)),
      claims: (nodeId) => volumes.naming(nodeId),
      losses: fleet.losses,
      journal,
      census,
      keepsMaxParallel: rules.maxParallel === "kept",
    },
  };
};
