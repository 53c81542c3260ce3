import { connectOverTls } from "../../lambdas/clients/tls.ts";
import { composeSleepJob } from "../agents/jobs.ts";
import type { Instance } from "../emulators/auto-scaling/state.ts";
import type { LiveCluster } from "../agents/live-cluster.ts";
import {
  type Credentials,
  type Endpoints,
  type MachineEnd,
  type NodeEvent,
  type Park,
  readDrain,
  readTruth,
  type RehearsalJob,
} from "./park.ts";

/** What a rehearsal's own jobs and machines are told apart by (`meta.drover.pool`). */
const ownPool = "workers";
const foreignPool = "foreign";

interface NodeStub {
  readonly ID: string;
  readonly Name: string;
}

interface AllocationStub {
  readonly JobID: string;
  readonly ClientStatus: string;
  readonly TaskStates: Readonly<Record<string, { readonly State: string }>> | null;
}

export const endpointsOf = ({ nomad, consul }: LiveCluster): Endpoints => ({
  nomadAddress: nomad.address,
  nomadRegion: nomad.region,
  consulAddress: consul.address,
  consulDatacenter: consul.datacenter,
});

const credentialsOf = ({ tokens, tls }: LiveCluster): Credentials => ({
  nomadToken: tokens.nomad,
  consulToken: tokens.consul,
  ca: tls.ca,
  clientCertificate: tls.clientCertificate,
  clientKey: tls.clientKey,
});

/** How a node stands at the moment when its power goes off, in Nomad's words. */
const lastSight = async (
  cluster: LiveCluster,
  instanceId: string,
): Promise<Pick<MachineEnd, "drain" | "drainStartedAt" | "liveTasks">> => {
  const nodes = await cluster.nomadApi<NodeStub[]>("GET", "/v1/nodes");
  const stub = nodes.find(({ Name }) => Name === instanceId);
  if (!stub) return { drain: "none", liveTasks: [] };
  const path = `/v1/node/${stub.ID}`;
  const [node, allocations] = await Promise.all([
    cluster.nomadApi<{ Events: NodeEvent[] }>("GET", path),
    cluster.nomadApi<AllocationStub[]>("GET", `${path}/allocations`),
  ]);
  const liveTasks = allocations.flatMap(({ JobID, TaskStates }) =>
    Object.entries(TaskStates ?? {})
      .filter(([, { State }]) => State === "running")
      .map(([task]) => ({ job: JobID, task })),
  );
  return { ...readDrain(node.Events), liveTasks };
};

const compose = (job: RehearsalJob) =>
  composeSleepJob(job.id, {
    type: job.type,
    count: job.count,
    pool: ownPool,
    ...(job.runSeconds !== undefined && { script: `exec sleep ${job.runSeconds}` }),
  });

export interface LiveParkOptions {
  /**
   * Starts the machine of an instance; resolves with the machine when it has
   * joined, or with undefined when it never will.
   *
   * @default a client of the rehearsal's pool
   */
  readonly start?: (instance: Instance) => Promise<unknown>;
}

/**
 * Machines with real Nomad and Consul agents, in real time. The cluster is
 * stopped when the park is closed.
 */
export const createLivePark = (cluster: LiveCluster, options: LiveParkOptions = {}): Park => {
  const startMachine =
    options.start ?? (({ id }) => cluster.addClient({ instanceId: id, pool: ownPool }));
  const ends: MachineEnd[] = [];
  /** By instance: the start of its machine. */
  const starts = new Map<string, Promise<unknown>>();
  const [nomadHost, consulHost] = [cluster.nomad, cluster.consul].map(
    ({ address }) => new URL(address).host,
  );

  return {
    endpoints: endpointsOf(cluster),
    credentials: credentialsOf(cluster),
    ends,
    connect: connectOverTls,
    destinationOf: (host) =>
      host === nomadHost ? "nomad" : host === consulHost ? "consul" : undefined,

    launched: (instance) => {
      const start = startMachine(instance);
      starts.set(instance.id, start);
      // Whoever waits for the machine is told.
      start.catch(() => undefined);
    },
    terminated: async ({ id }) => {
      const machine = await starts.get(id)?.catch(() => undefined);
      const sight = await lastSight(cluster, id);
      if (machine) await cluster.powerOff(id);
      ends.push({ instanceId: id, at: Date.now(), ...sight });
    },
    ready: async (instanceIds) => {
      const never = (id: string) => Promise.reject(new Error(`${id} was never started`));
      await Promise.all(instanceIds.map((id) => starts.get(id) ?? never(id)));
    },
    runJobs: async (jobs) => {
      for (const job of jobs) await cluster.runJob(compose(job));
    },
    addForeign: async () => {
      await cluster.addClient({ instanceId: "i-0f0e1617000000001", pool: foreignPool });
      await cluster.addServerWithClient({ instanceId: "i-05e17e12000000001", pool: foreignPool });
      await cluster.runJob(composeSleepJob("somebody-elses-job", { count: 2, pool: foreignPool }));
    },
    look: () =>
      readTruth((service, path) =>
        service === "nomad" ? cluster.nomadApi("GET", path) : cluster.consulApi("GET", path),
      ),
    close: () => cluster.stop(),
  };
};
