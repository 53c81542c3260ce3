import type { HttpHandler } from "@smithy/protocol-http";
import type { TlsFiles } from "../../lambdas/runtime/surroundings.ts";
import type { Instance } from "../emulators/auto-scaling/state.ts";
import type { DrainFact, Shortage } from "../emulators/nomad/census.ts";
import type { NodeWrite } from "../emulators/nomad/journal.ts";
import type { Destination } from "./ledger.ts";

export type JobType = "service" | "batch" | "system" | "sysbatch";

/** A job of a scenario, in what a rehearsal varies. */
export interface RehearsalJob {
  readonly id: string;
  readonly type: JobType;
  /** How many run at once; system jobs run on every node instead. */
  readonly count: number;
  /** How long batch work takes. */
  readonly runSeconds?: number;
}

/** Where Nomad and Consul are, as the deployment is told. */
export interface Endpoints {
  readonly nomadAddress: string;
  readonly nomadRegion: string;
  readonly consulAddress: string;
  readonly consulDatacenter: string;
}

/** What Drover's secrets hold: tokens of the documented policies, and PEM texts. */
export interface Credentials {
  readonly nomadToken: string;
  readonly consulToken: string;
  readonly ca: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

export type DrainOutcome = "clean" | "forced" | "none";

/** How a machine ended, seen at the moment when its power went off. */
export interface MachineEnd {
  readonly instanceId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly drain: DrainOutcome;
  /** When Nomad began its first drain. */
  readonly drainStartedAt?: number | undefined;
  /** Work that was running then. */
  readonly liveTasks: readonly LiveTask[];
  /** CSI volumes whose claims named its node then. @default not known */
  readonly claims?: readonly string[];
}

export interface LiveTask {
  readonly job: string;
  readonly task: string;
  /** Told to stop, it had until then to do so: its kill time-out. Milliseconds since the epoch. */
  readonly stopsBy?: number | undefined;
}

/** A replacement that should have pulled data from the machine of its predecessor and did not. */
export interface EmptyStart {
  readonly job: string;
  /** Instance that had the data. */
  readonly from: string | undefined;
  readonly at: number;
}

/** A call by which Consul was told to forget a member, and did. */
export interface Farewell {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly call: "force-leave" | "deregister";
  readonly member: string;
  /** Whether its agent was running. */
  readonly isAlive: boolean;
}

/** What the servers of Nomad and Consul saw as it happened. Only the emulated ones keep it. */
export interface Chronicle {
  /** Accessor of Drover's token. */
  readonly droverAccessor: string;
  /** Whether `max_parallel` holds also when several nodes drain: #26175. */
  readonly keepsMaxParallel: boolean;
  readonly writes: readonly NodeWrite[];
  readonly drains: readonly DrainFact[];
  readonly shortages: readonly Shortage[];
  readonly emptyStarts: readonly EmptyStart[];
  /** Of Drover's. */
  readonly farewells: readonly Farewell[];
}

/** A node as Nomad's servers know it. */
export interface NodeTruth {
  readonly id: string;
  /** The instance id, unless it is a machine of somebody else's. */
  readonly name: string;
  readonly status: string;
  readonly eligible: boolean;
  readonly draining: boolean;
  readonly lastDrain: unknown;
  /** Whether a Nomad server has the same address. */
  readonly isServer: boolean;
}

/** What Nomad and Consul themselves say, asked with tokens that may see everything. */
export interface ClusterTruth {
  readonly nodes: readonly NodeTruth[];
  /** Names that Consul's gossip or catalog still knows. */
  readonly members: readonly string[];
  /** The servers of both, with their state, and who leads. */
  readonly servers: readonly string[];
  /** CSI volumes with a claim of a node that Nomad no longer knows: it is never released. */
  readonly pinned: readonly string[];
}

/**
 * What a machine does between its power and its agents.
 *
 * @returns the meta of its Nomad node, or undefined when its agents never start
 */
export type Boot = (instance: Instance) => Promise<Readonly<Record<string, string>> | undefined>;

/**
 * The machines of a world with their Nomad and Consul: emulated in virtual
 * time, or real agents in real time.
 */
export interface Park {
  readonly endpoints: Endpoints;
  readonly credentials: Credentials;
  /** Makes a connection of Drover's, as `Surroundings.connect` does. */
  connect(tls: TlsFiles): HttpHandler;
  destinationOf(host: string): Destination | undefined;

  /** @param boot - what the machine does before its agents start. @default nothing */
  launched(instance: Instance, boot?: Boot): void;
  terminated(instance: Instance): Promise<void>;
  /** Resolves when the nodes of all instances are ready. */
  ready(instanceIds: readonly string[]): Promise<void>;
  /** Registers jobs; resolves when what they ask for runs. */
  runJobs(jobs: readonly RehearsalJob[]): Promise<void>;
  /** Machines that are none of Drover's business: of somebody else, and of the servers. */
  addForeign(): Promise<void>;

  /** How each machine ended, in order. */
  readonly ends: readonly MachineEnd[];
  /** Undefined where nobody keeps it. */
  readonly chronicle?: Chronicle | undefined;
  look(): Promise<ClusterTruth>;
  close(): Promise<void>;
}

/** Names of the machines that `addForeign` adds. */
export const foreignNode = "somebody-elses-node";
export const serverNode = "nomad-server-1";

export type Call = <T>(service: "nomad" | "consul", path: string) => Promise<T>;

interface NodeStub {
  readonly ID: string;
  readonly Name: string;
  readonly Status: string;
  readonly SchedulingEligibility: string;
  readonly Drain: boolean;
  readonly LastDrain: unknown;
  readonly Address: string;
}

interface NomadMembers {
  readonly Members: readonly {
    readonly Name: string;
    readonly Addr: string;
    readonly Status: string;
  }[];
}

interface ConsulMember {
  readonly Name: string;
  readonly Status: number;
  readonly Tags: Readonly<Record<string, string>>;
}

interface VolumeStub {
  readonly ID: string;
  readonly Namespace: string;
}

interface VolumeClaims {
  readonly Allocations: readonly { readonly NodeID: string }[] | null;
}

const findPinned = async (call: Call, nodes: readonly NodeStub[]): Promise<string[]> => {
  const volumes = await call<readonly VolumeStub[] | null>(
    "nomad",
    "/v1/volumes?type=csi&namespace=*",
  );
  const known = new Set(nodes.map(({ ID }) => ID));
  const pinned: string[] = [];
  for (const { ID, Namespace } of volumes ?? []) {
    const { Allocations } = await call<VolumeClaims>(
      "nomad",
      `/v1/volume/csi/${encodeURIComponent(ID)}?namespace=${Namespace}`,
    );
    if (Allocations?.some(({ NodeID }) => !known.has(NodeID))) pinned.push(`${Namespace}/${ID}`);
  }
  return pinned;
};

/** Reads the truth over the APIs of Nomad and Consul. */
export const readTruth = async (call: Call): Promise<ClusterTruth> => {
  const [nodes, nomadServers, leader, gossip, catalog] = await Promise.all([
    call<readonly NodeStub[]>("nomad", "/v1/nodes"),
    call<NomadMembers>("nomad", "/v1/agent/members"),
    call<string>("nomad", "/v1/status/leader"),
    call<readonly ConsulMember[]>("consul", "/v1/agent/members"),
    call<readonly { readonly Node: string }[]>("consul", "/v1/catalog/nodes"),
  ]);
  const isServer = ({ Name, Tags }: ConsulMember) =>
    Tags["role"] === "consul" || Name.includes("server");
  return {
    nodes: nodes.map((node) => ({
      id: node.ID,
      name: node.Name,
      status: node.Status,
      eligible: node.SchedulingEligibility === "eligible",
      draining: node.Drain,
      lastDrain: node.LastDrain,
      isServer: nomadServers.Members.some(({ Addr }) => Addr === node.Address),
    })),
    // Consul gives them in no certain order.
    members: [
      ...new Set([...gossip.map(({ Name }) => Name), ...catalog.map(({ Node }) => Node)]),
    ].sort(),
    pinned: await findPinned(call, nodes),
    servers: [
      ...nomadServers.Members.map(({ Name, Status }) => `nomad ${Name} ${Status}`),
      `nomad leader ${leader}`,
      ...gossip.filter(isServer).map(({ Name, Status }) => `consul ${Name} ${Status}`),
    ].sort(),
  };
};

/** An event of a node, as Nomad keeps the last ten of them. */
export interface NodeEvent {
  readonly Message: string;
  readonly Details: Readonly<Record<string, string>> | null;
  readonly Timestamp: string;
}

/** What a node's own events say of its drains: only they tell a forced one from a clean one. */
export const readDrain = (
  events: readonly NodeEvent[],
): Pick<MachineEnd, "drain" | "drainStartedAt"> => {
  const drains = events.filter(({ Message }) => Message.startsWith("Node drain"));
  const [first] = drains;
  if (first === undefined) return { drain: "none" };
  const isForced = drains.some(({ Details }) => Details?.["deadline_reached"] === "true");
  return { drain: isForced ? "forced" : "clean", drainStartedAt: Date.parse(first.Timestamp) };
};
