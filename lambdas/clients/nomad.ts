import { type ClusterApi, ClusterFailure } from "./cluster-api.ts";

/**
 * Nomad's API as far as Drover uses it: names and shapes are Nomad's own
 * (developer.hashicorp.com/nomad/api-docs). Every method throws
 * `ClusterFailure`; what each needs of the token is in
 * `docs/policies/nomad-drover.policy.hcl`.
 */

export interface NodeStub {
  readonly ID: string;
  readonly Name: string;
  readonly Status: "initializing" | "ready" | "down" | "disconnected";
  readonly SchedulingEligibility: "eligible" | "ineligible";
  readonly Drain: boolean;
  readonly LastDrain: LastDrain | null;
}

export interface LastDrain {
  readonly StartedAt: string;
  readonly UpdatedAt: string;
  readonly Status: "draining" | "complete" | "canceled";
  readonly Meta: Record<string, string> | null;
}

export interface DrainStrategy {
  /** Nanoseconds. */
  readonly Deadline: number;
  readonly IgnoreSystemJobs: boolean;
  /** When Nomad stops what is left; null when there is no deadline (tried). */
  readonly ForceDeadline: string | null;
  readonly StartedAt: string;
}

export interface NodeEvent {
  readonly Message: string;
  readonly Timestamp: string;
  readonly Details: Record<string, string> | null;
}

export interface NomadNode extends Omit<NodeStub, "Drain"> {
  readonly HTTPAddr: string;
  readonly Attributes: Record<string, string>;
  readonly Meta: Record<string, string> | null;
  readonly DrainStrategy: DrainStrategy | null;
  /** The last ten. */
  readonly Events: readonly NodeEvent[] | null;
}

export interface AllocationStub {
  readonly ID: string;
  /** `<job>.<group>[<index>]` */
  readonly Name: string;
  readonly Namespace: string;
  readonly NodeID: string;
  readonly JobID: string;
  readonly JobType: "service" | "batch" | "system" | "sysbatch";
  readonly TaskGroup: string;
  readonly DesiredStatus: string;
  readonly ClientStatus: "pending" | "running" | "complete" | "failed" | "lost" | "unknown";
  readonly TaskStates: Record<string, { readonly State: string }> | null;
  readonly NextAllocation: string;
  /** Nanoseconds since the Unix epoch. */
  readonly CreateTime: number;
  readonly ModifyTime: number;
}

export interface VolumeRequest {
  readonly Type: string;
  readonly Source: string;
  /** Whether each allocation has a volume of its own, named `<source>[<index>]`. */
  readonly PerAlloc: boolean;
}

/** In full: the type is its job's there, it has none of its own (tried on Nomad 1.6.1). */
export interface Allocation extends Omit<AllocationStub, "JobType"> {
  readonly Job: {
    readonly Type: AllocationStub["JobType"];
    readonly TaskGroups: readonly {
      readonly Name: string;
      readonly EphemeralDisk: { readonly Sticky: boolean; readonly Migrate: boolean } | null;
      readonly Volumes: Record<string, VolumeRequest> | null;
    }[];
  } | null;
}

export interface ServerMember {
  readonly Name: string;
  readonly Addr: string;
  readonly Status: string;
  readonly Tags: Record<string, string>;
}

export interface Volume {
  readonly ID: string;
  readonly Namespace: string;
  /** What holds a claim. */
  readonly Allocations: readonly Pick<AllocationStub, "ID" | "NodeID">[] | null;
}

export interface AclToken {
  readonly Type: "client" | "management";
  readonly Policies: readonly string[] | null;
  readonly Roles: readonly { readonly ID: string }[] | null;
  /** ISO 8601; null for one that does not expire. Absent before 1.4. */
  readonly ExpirationTime?: string | null;
}

/** The rules of a policy, as Nomad parsed them; `policy = "read"` is spelt out as capabilities. */
export interface AclRules {
  readonly Node: { readonly Policy: string } | null;
  readonly Namespaces:
    | readonly { readonly Name: string; readonly Capabilities: readonly string[] | null }[]
    | null;
}

/** A blocking query: returns when the index has passed or the time is over. */
export interface Hold {
  readonly index: number;
  readonly seconds: number;
}

export interface Watched<T> {
  readonly value: T;
  /** To give to the next call. It can be lower than the one given: take it. */
  readonly index: number;
}

export interface DrainRequest {
  /** Seconds from now until Nomad stops what is left; more than 0. */
  readonly deadlineSeconds: number;
  readonly ignoreSystemJobs: boolean;
  /** Kept by Nomad in `LastDrain`; replaces what an earlier drain had. */
  readonly meta: Record<string, string>;
}

export interface Nomad {
  findNodes(instanceId: string): Promise<NodeStub[]>;
  /** Whether any node at all says that it runs on an EC2 instance. */
  knowsAnyInstance(): Promise<boolean>;
  /** Undefined when there is no such node. */
  readNode(id: string, hold?: Hold): Promise<Watched<NomadNode> | undefined>;
  ineligibleNodes(): Promise<NodeStub[]>;
  /** Nodes on EC2 instances that the servers have not heard of. */
  downNodes(): Promise<NodeStub[]>;
  /** Ends a drain that is under way, and makes the node eligible. */
  giveBack(id: string): Promise<"done" | "no such node">;
  makeIneligible(id: string): Promise<"done" | "no such node">;
  /** @returns the index of the node by now, to wait from; undefined when there is no such node */
  drain(id: string, request: DrainRequest): Promise<number | undefined>;
  purge(id: string): Promise<"done" | "no such node">;
  /** Allocations of the node that are pending, running or unknown, in all namespaces. */
  liveAllocations(nodeId: string, hold?: Hold): Promise<Watched<AllocationStub[]>>;
  /** Both those that are live and those that have ended, in one call. */
  allocations(nodeId: string, hold?: Hold): Promise<Watched<AllocationStub[]>>;
  /** Allocations of the node that are complete or failed, and still remembered. */
  endedAllocations(nodeId: string): Promise<AllocationStub[]>;
  /** All allocations of the node that Nomad remembers, each with its own version of its job. */
  fullAllocations(nodeId: string): Promise<Allocation[]>;
  readAllocation(id: string, namespace: string): Promise<Allocation | undefined>;
  /** Undefined when there is no such allocation (any more). */
  watchAllocation(
    id: string,
    namespace: string,
    hold: Hold,
  ): Promise<Watched<Allocation> | undefined>;
  readVolume(id: string, namespace: string): Promise<Volume | undefined>;
  /** The servers of the region. */
  servers(): Promise<ServerMember[]>;
  /** Address of the leader. Needs no token; in a region that does not exist it fails. */
  leader(): Promise<string>;
  /** Has a query held for so many seconds although nothing changes. */
  waitInVain(seconds: number): Promise<void>;
  /** Undefined when ACLs are off. */
  ownToken(): Promise<AclToken | undefined>;
  /**
   * A token may read its own policies. Undefined for one that nobody has written:
   * a token may name it all the same, and Nomad passes over it.
   */
  ownPolicy(name: string): Promise<AclRules | undefined>;
  policiesOfRole(id: string): Promise<string[]>;
}

const nanoseconds = 1_000_000_000;
/** States of an allocation on its client in which it may still run, or be about to. */
const live = ["pending", "running", "unknown"] as const;
/** Not `lost`: those are of a node that was down, and their tasks' states are of before. */
const ended = ["complete", "failed"] as const;

/** Whether an allocation is one of those that `liveAllocations` gives. */
export const isLive = ({ ClientStatus }: Pick<AllocationStub, "ClientStatus">): boolean =>
  live.some((status) => status === ClientStatus);

const anyOf = (field: string, values: readonly string[]) =>
  `(${values.map((value) => `${field} == "${value}"`).join(" or ")})`;

/** Ids go into filters and paths: nothing but what EC2 and Nomad give out may be in them. */
const plain = (id: string): string => {
  if (!/^[\w.:/-]+$/.test(id)) throw new TypeError(`not an id: ${JSON.stringify(id)}`);
  return id;
};

const unless = async <T, E>(
  promise: Promise<T>,
  matches: (failure: ClusterFailure) => boolean,
  otherwise: E,
): Promise<T | E> => {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof ClusterFailure && matches(error)) return otherwise;
    throw error;
  }
};
/** Writes to a node that is gone are answered 500 `node not found`, not 404. */
const isNoSuchNode = (failure: ClusterFailure) =>
  failure.kind === "missing" || (failure.status === 500 && /node not found/.test(failure.text));
const isMissing = (failure: ClusterFailure) => failure.kind === "missing";

export const nomadClient = (api: ClusterApi, region: string): Nomad => {
  const get = <T>(path: string, query: Record<string, string> = {}, hold?: Hold) =>
    api.call<T>({
      method: "GET",
      path,
      query: {
        region,
        ...query,
        ...(hold && { index: String(hold.index), wait: `${hold.seconds}s` }),
      },
      // The server adds up to a sixteenth of the wait, so that not all come back at once.
      ...(hold && { holdSeconds: hold.seconds * (1 + 1 / 16) }),
    });
  const put = (path: string, body?: unknown) =>
    unless(
      api
        .call({
          method: "PUT",
          path,
          query: { region },
          ...(body !== undefined && { body }),
        })
        .then(({ index }) => ({ index })),
      isNoSuchNode,
      undefined,
    );
  const told = async (answer: ReturnType<typeof put>) =>
    (await answer) ? ("done" as const) : ("no such node" as const);
  const allocations = (nodeId: string, statuses: readonly string[], hold?: Hold) =>
    get<AllocationStub[]>(
      "/v1/allocations",
      {
        namespace: "*",
        filter: `NodeID == "${plain(nodeId)}" and ${anyOf("ClientStatus", statuses)}`,
      },
      hold,
    );

  return {
    async findNodes(instanceId) {
      const id = plain(instanceId);
      // The EC2 fingerprinter can lose its race at boot: the name and the meta stand in.
      const filter = [
        `Attributes["unique.platform.aws.instance-id"] == "${id}"`,
        `Name == "${id}"`,
        `Meta["instance-id"] == "${id}"`,
      ].join(" or ");
      return (await get<NodeStub[]>("/v1/nodes", { filter })).body;
    },
    async knowsAnyInstance() {
      const filter = 'Attributes["unique.platform.aws.instance-id"] matches "^i-"';
      return (await get<NodeStub[]>("/v1/nodes", { filter, per_page: "1" })).body.length > 0;
    },
    async readNode(id, hold) {
      const answer = await unless(
        get<NomadNode>(`/v1/node/${plain(id)}`, {}, hold),
        isMissing,
        undefined,
      );
      return answer && { value: answer.body, index: answer.index };
    },
    async ineligibleNodes() {
      const filter = 'SchedulingEligibility == "ineligible"';
      return (await get<NodeStub[]>("/v1/nodes", { filter })).body;
    },
    async downNodes() {
      const filter =
        'Status == "down" and Attributes["unique.platform.aws.instance-id"] matches "^i-"';
      return (await get<NodeStub[]>("/v1/nodes", { filter })).body;
    },
    // Without a drain it only makes the node eligible.
    giveBack: (id) =>
      told(put(`/v1/node/${plain(id)}/drain`, { DrainSpec: null, MarkEligible: true })),
    makeIneligible: (id) =>
      told(put(`/v1/node/${plain(id)}/eligibility`, { Eligibility: "ineligible" })),
    async drain(id, request) {
      const answer = await put(`/v1/node/${plain(id)}/drain`, {
        DrainSpec: {
          // An integer: anything else is refused, and zero would be no deadline at all.
          Deadline: Math.max(1, Math.round(request.deadlineSeconds)) * nanoseconds,
          IgnoreSystemJobs: request.ignoreSystemJobs,
        },
        MarkEligible: false,
        Meta: request.meta,
      });
      return answer?.index;
    },
    purge: (id) => told(put(`/v1/node/${plain(id)}/purge`)),
    async liveAllocations(nodeId, hold) {
      const { body, index } = await allocations(nodeId, live, hold);
      return { value: body, index };
    },
    async allocations(nodeId, hold) {
      const { body, index } = await allocations(nodeId, [...live, ...ended], hold);
      return { value: body, index };
    },
    endedAllocations: async (nodeId) => (await allocations(nodeId, ended)).body,
    fullAllocations: async (nodeId) =>
      (await get<Allocation[]>(`/v1/node/${plain(nodeId)}/allocations`)).body,
    async readAllocation(id, namespace) {
      const answer = await unless(
        get<Allocation>(`/v1/allocation/${plain(id)}`, { namespace }),
        isMissing,
        undefined,
      );
      return answer?.body;
    },
    async watchAllocation(id, namespace, hold) {
      const answer = await unless(
        get<Allocation>(`/v1/allocation/${plain(id)}`, { namespace }, hold),
        isMissing,
        undefined,
      );
      return answer && { value: answer.body, index: answer.index };
    },
    async readVolume(id, namespace) {
      const answer = await unless(
        get<Volume>(`/v1/volume/csi/${encodeURIComponent(id)}`, { namespace }),
        isMissing,
        undefined,
      );
      return answer?.body;
    },
    servers: async () => (await get<{ Members: ServerMember[] }>("/v1/agent/members")).body.Members,
    leader: async () => (await get<string>("/v1/status/leader")).body,
    async waitInVain(seconds) {
      // An index that is too large waits the whole time, and is answered all the same (tried).
      const hold = { index: Number.MAX_SAFE_INTEGER, seconds };
      await get("/v1/nodes", { per_page: "1" }, hold);
    },
    async ownToken() {
      const answer = await unless(
        get<AclToken>("/v1/acl/token/self"),
        (failure) => /ACL support disabled/i.test(failure.text),
        undefined,
      );
      return answer?.body;
    },
    async ownPolicy(name) {
      const answer = await unless(
        get<{ RulesJSON: AclRules }>(`/v1/acl/policy/${encodeURIComponent(name)}`),
        isMissing,
        undefined,
      );
      return answer?.body.RulesJSON;
    },
    async policiesOfRole(id) {
      const answer = await unless(
        get<{ Policies: { Name: string }[] | null }>(`/v1/acl/role/${plain(id)}`),
        isMissing,
        undefined,
      );
      return answer?.body.Policies?.map((policy) => policy.Name) ?? [];
    },
  };
};
