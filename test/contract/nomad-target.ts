import assert from "node:assert/strict";
import type { PolicySpec } from "../../rehearsal/emulators/nomad/acl.ts";
import type { JobSpec } from "../../rehearsal/emulators/nomad/job-spec.ts";
import type { OutageTarget } from "./nomad-outages.ts";
import { eventually, type Timed } from "./eventually.ts";

/** An answer of the API. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** `X-Nomad-Index`. */
  readonly index: number;
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows the body
  json<Body>(): Body;
}

export interface CallOptions {
  readonly body?: unknown;
  /** Sent as it stands. */
  readonly text?: string;
  /** @default one that may do everything */
  readonly token?: string;
}

export interface TargetNode {
  readonly nodeId: string;
  readonly instanceId: string;
}

/** What the contract runs against: an emulated or a real Nomad. */
export interface NomadTarget extends Timed {
  readonly region: string;
  /** Seconds from a client's death to `down`: least and most. */
  readonly silence: readonly [number, number];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Adds a client to a node pool and waits until it is ready. */
  addNode(pool: string): Promise<TargetNode>;
  /** Ends all processes of a machine. */
  powerOff(instanceId: string): Promise<void>;
  /** Holds a machine's client still: nothing is heard of it, and its tasks go on. */
  freeze(instanceId: string): Promise<void>;
  thaw(instanceId: string): Promise<void>;
  /** How often tasks started with the data in an allocation's ephemeral disk: once, or also before. */
  countStarts(allocId: string): Promise<number>;
  /** Registers a job, or a new version of it; does not wait for it. */
  runJob(spec: JobSpec): Promise<void>;
  purgeJob(id: string): Promise<void>;
  /** A token with one policy; gives its secret and the name of the policy. */
  createToken(policy: PolicySpec): Promise<{ secret: string; policy: string }>;
}

/** Where cases run; each has a target to itself as long as it runs. */
export interface OpenedTarget {
  run(body: (target: NomadTarget) => Promise<void>): Promise<void>;
  /** Gives the case servers of its own, of which it may end the leader. */
  runApart(body: (target: OutageTarget) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export interface NodeView {
  readonly ID: string;
  readonly Name: string;
  readonly HTTPAddr: string;
  readonly NodePool: string;
  readonly Status: string;
  readonly SchedulingEligibility: string;
  readonly Attributes: Record<string, string>;
  readonly Meta: Record<string, string>;
  readonly Drivers: Record<string, { Detected: boolean; Healthy: boolean }>;
  readonly DrainStrategy: {
    Deadline: number;
    IgnoreSystemJobs: boolean;
    ForceDeadline: string | null;
    StartedAt: string;
  } | null;
  readonly LastDrain: {
    Status: string;
    StartedAt: string;
    UpdatedAt: string;
    Meta: Record<string, string> | null;
  } | null;
  readonly Events: { Message: string; Subsystem: string; Details: Record<string, string> | null }[];
  readonly ModifyIndex: number;
}

export interface AllocView {
  readonly ID: string;
  readonly Name: string;
  readonly Namespace: string;
  readonly NodeID: string;
  readonly JobID: string;
  readonly JobType: string;
  readonly TaskGroup: string;
  readonly ClientStatus: string;
  readonly DesiredStatus: string;
  readonly NextAllocation?: string;
  readonly PreviousAllocation?: string;
  readonly TaskStates: Record<string, { State: string; Failed: boolean }> | null;
  readonly Job?: {
    Type: string;
    TaskGroups: { Name: string; EphemeralDisk: { Migrate: boolean; Sticky: boolean } }[];
  };
}

const ENDED = new Set(["complete", "failed", "lost"]);

export const isEnded = (alloc: AllocView): boolean => ENDED.has(alloc.ClientStatus);

export const readNode = async (target: NomadTarget, nodeId: string): Promise<NodeView> => {
  const answer = await target.call("GET", `/v1/node/${nodeId}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<NodeView>();
};

export const findNodes = (target: NomadTarget, filter: string): Promise<Answer> =>
  target.call("GET", `/v1/nodes?filter=${encodeURIComponent(filter)}`);

export const listAllocations = async (
  target: NomadTarget,
  filter: string,
  token?: string,
): Promise<AllocView[]> => {
  const query = `namespace=*&filter=${encodeURIComponent(filter)}`;
  const options = token === undefined ? {} : { token };
  const answer = await target.call("GET", `/v1/allocations?${query}`, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<AllocView[]>();
};

export const allocationsOn = (target: NomadTarget, nodeId: string): Promise<AllocView[]> =>
  listAllocations(target, `NodeID == "${nodeId}"`);

export const allocationsOfJob = (target: NomadTarget, job: string): Promise<AllocView[]> =>
  listAllocations(target, `JobID == "${job}"`);

export const readAllocation = async (target: NomadTarget, id: string): Promise<AllocView> => {
  const answer = await target.call("GET", `/v1/allocation/${id}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<AllocView>();
};

/** Waits until so many allocations of a job run, all of them with healthy ones where it matters. */
export const awaitRunning = (target: NomadTarget, job: string, count = 1): Promise<AllocView[]> =>
  eventually(target, `${count} of ${job} run`, 30, async () => {
    const running = (await allocationsOfJob(target, job)).filter(
      (alloc) => alloc.ClientStatus === "running" && alloc.DesiredStatus === "run",
    );
    return running.length >= count && running;
  });

export interface DrainBody {
  readonly seconds?: number;
  readonly ignoreSystemJobs?: boolean;
  readonly meta?: Record<string, string>;
}

/** Starts a drain, without a deadline unless one is given. */
export const drain = async (
  target: NomadTarget,
  nodeId: string,
  { seconds = 0, ignoreSystemJobs = false, meta }: DrainBody = {},
): Promise<void> => {
  const body = {
    DrainSpec: { Deadline: Math.round(seconds * 1e9), IgnoreSystemJobs: ignoreSystemJobs },
    ...(meta ? { Meta: meta } : {}),
  };
  const answer = await target.call("PUT", `/v1/node/${nodeId}/drain`, { body });
  assert.equal(answer.status, 200, answer.text);
};

/** Blocks on the node until its drain has ended; gives the node as it was then. */
export const awaitDrained = async (
  target: NomadTarget,
  nodeId: string,
  seconds: number,
): Promise<NodeView> => {
  const end = target.seconds() + seconds * target.patience;
  let index = 0;
  for (;;) {
    const answer = await target.call("GET", `/v1/node/${nodeId}?index=${index}&wait=2s`);
    assert.equal(answer.status, 200, answer.text);
    const node = answer.json<NodeView>();
    if (!node.DrainStrategy) return node;
    index = answer.index;
    assert.ok(target.seconds() < end, `the drain of ${nodeId} ends within ${seconds} s`);
  }
};

/** Whether the node's events say that its last drain was ended by the deadline. */
export const wasForced = (node: NodeView): boolean => {
  const completed = node.Events.filter((event) => event.Message === "Node drain complete").at(-1);
  assert.ok(completed, "the drain left an event");
  return completed.Details?.["deadline_reached"] === "true";
};
