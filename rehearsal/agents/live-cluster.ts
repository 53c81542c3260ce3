import type { AccessTokens } from "./access.ts";
import type { TlsMaterial } from "./certificates.ts";
import type { HeartbeatPace } from "./machine.ts";
import type { waitFor } from "./polling.ts";

/** An instance to be added to a cluster. */
export interface LiveInstance {
  /** Becomes the name of its node and of its member. */
  readonly instanceId: string;
  /** Becomes the node's meta `drover.pool`. */
  readonly pool?: string;
  /** More of the node's meta. */
  readonly meta?: Readonly<Record<string, string>>;
  /** @default "default" */
  readonly nodePool?: string;
  /** The name of its member. @default the instance id */
  readonly consulName?: string;
}

/** A machine whose agents are ready. */
export interface LiveClient {
  readonly instanceId: string;
  /** The id of its Nomad node. */
  readonly nodeId: string;
  /** The private address of the instance; its agents listen on it alone. */
  readonly address: string;
}

/** Options of `startLiveCluster`. */
export interface LiveClusterOptions {
  /** Nomad's region. @default "eu" */
  readonly region?: string;
  /** Nomad's and Consul's. @default "dc1" */
  readonly datacenter?: string;
  /** @default a killed node is `down` after 3 to 7 seconds, where Nomad's own pace takes 20 to 30 */
  readonly heartbeat?: HeartbeatPace;
  /** Connections that a Nomad agent takes from one address (default: any number; Nomad's own: 100). */
  readonly connections?: number;
  /** Is told what takes its time. */
  readonly report?: (line: string) => void;
  /** Where the cluster's own folder is made. @default the system's folder for temporary files */
  readonly directory?: string;
}

/** A real Nomad and a real Consul, each with one server, TLS and ACLs. */
export interface LiveCluster {
  readonly nomad: { readonly address: string; readonly region: string };
  readonly consul: { readonly address: string; readonly datacenter: string };
  /** PEM texts for a client of both. */
  readonly tls: TlsMaterial;
  /** Tokens that have the policies in `docs/policies`, and nothing more. */
  readonly tokens: AccessTokens;
  /** Tokens that may do everything. */
  readonly management: AccessTokens;
  /** Holds configuration, data and logs (`<machine>/nomad.log`) until the cluster stops. */
  readonly folder: string;

  /** Starts a machine; resolves when it is ready in Nomad and alive in Consul. */
  addClient(instance: LiveInstance): Promise<LiveClient>;

  /**
   * Starts a machine that is a Nomad client and a server too. The server joins the first one as its
   * equal: when it dies, the two have no majority any more.
   *
   * @param serves - which server it is. @default "nomad"
   */
  addServerWithClient(instance: LiveInstance, serves?: "nomad" | "consul"): Promise<LiveClient>;

  /** Ends all processes of a machine at once, as the end of its instance does. */
  powerOff(instanceId: string): Promise<void>;

  /** Holds a machine's Nomad client still: its server hears no heartbeat, and its tasks go on. */
  freezeNomad(instanceId: string): Promise<void>;

  /** Lets it go on. */
  thawNomad(instanceId: string): Promise<void>;

  /** Stops Nomad's server in an orderly way. */
  stopNomadServer(): Promise<void>;

  /** Starts it again with what it knew; resolves when there is a leader. */
  startNomadServer(): Promise<void>;

  /** @param options.downForMs - milliseconds between the two */
  restartNomadServer(options?: { readonly downForMs?: number }): Promise<void>;

  /** Calls Nomad with the management token. @throws ApiError if the status is not 2xx */
  nomadApi<T>(method: string, path: string, body?: unknown): Promise<T>;

  /** Calls Consul with the management token. @throws ApiError if the status is not 2xx */
  consulApi<T>(method: string, path: string, body?: unknown): Promise<T>;

  /** Registers a job (JSON of the API) and waits until all its allocations run or are complete. */
  runJob(job: { readonly ID: string }): Promise<void>;

  /** Stops and purges a job, and waits until its allocations have stopped. */
  purgeJob(jobId: string): Promise<void>;

  readonly waitFor: typeof waitFor;

  /** Ends everything and deletes the folder. The same happens when this process dies. */
  stop(): Promise<void>;
}
