import type { Allocation, Deployment, Job, Node, Volume } from "./records.ts";
import { isClientTerminal, jobKey, jobKeyOf } from "./records.ts";

/** What a change can be waited for: a table, one node, one node's allocations, one allocation. */
export type Topic =
  | "nodes"
  | "allocs"
  | "volumes"
  | "jobs"
  | "deployments"
  | `node:${string}`
  | `node-allocs:${string}`
  | `alloc:${string}`;

type Table = "nodes" | "allocs" | "jobs" | "volumes" | "deployments";

/** Sets by key that vanish with their last member. */
const createIndex = <Member>() => {
  const sets = new Map<string, Set<Member>>();
  const none: ReadonlySet<Member> = new Set();
  return {
    get: (key: string): ReadonlySet<Member> => sets.get(key) ?? none,
    add(key: string, member: Member) {
      const set = sets.get(key);
      if (set) set.add(member);
      else sets.set(key, new Set([member]));
    },
    remove(key: string, member: Member) {
      const set = sets.get(key);
      if (set?.delete(member) && set.size === 0) sets.delete(key);
    },
  };
};

/** A server's state store: tables, the indexes over them, the Raft index, and who waits for what. */
export const createState = () => {
  let raftIndex = 10;
  const tables: Record<Table, number> = {
    nodes: 1,
    allocs: 1,
    jobs: 1,
    volumes: 1,
    deployments: 1,
  };

  const nodes = new Map<string, Node>();
  const nodesByInstance = createIndex<Node>();
  const nodesByName = createIndex<Node>();
  const nodesByMeta = createIndex<Node>();
  const ineligible = new Set<Node>();

  const allocs = new Map<string, Allocation>();
  const allocsByNode = createIndex<Allocation>();
  const allocsByJob = createIndex<Allocation>();
  /** Those whose client has not said its last word: what drains and evaluations look at. */
  const liveByNode = createIndex<Allocation>();
  const liveByJob = createIndex<Allocation>();

  const jobs = new Map<string, Job>();
  const systemJobs = new Set<Job>();
  const volumes = new Map<string, Volume>();
  const deployments = new Map<string, Deployment>();
  const deploymentsByJob = createIndex<Deployment>();

  const waiters = createIndex<() => void>();
  const allocListeners: ((alloc: Allocation) => void)[] = [];
  const nodeListeners: ((node: Node) => void)[] = [];

  const wake = (topic: Topic) => {
    const waiting = [...waiters.get(topic)];
    for (const waiter of waiting) waiter();
  };

  const indexNode = (node: Node, change: "add" | "remove") => {
    const instance = node.Attributes["unique.platform.aws.instance-id"];
    const meta = node.Meta["instance-id"];
    if (instance !== undefined) nodesByInstance[change](instance, node);
    if (meta !== undefined) nodesByMeta[change](meta, node);
    nodesByName[change](node.Name, node);
  };

  const nextIndex = (table: Table): number => {
    raftIndex += 1;
    tables[table] = raftIndex;
    return raftIndex;
  };

  return {
    nodes,
    allocs,
    jobs,
    volumes,
    deployments,
    deploymentsByJob: deploymentsByJob.get,
    ineligible: ineligible as ReadonlySet<Node>,
    /** By the attribute that the EC2 fingerprinter sets. */
    nodesByInstance: nodesByInstance.get,
    nodesByName: nodesByName.get,
    /** By the meta key `instance-id`. */
    nodesByMeta: nodesByMeta.get,
    allocsByNode: allocsByNode.get,
    allocsByJob: allocsByJob.get,
    liveByNode: liveByNode.get,
    liveByJob: liveByJob.get,
    /** Whether allocations of an older version still run. */
    isUpdating: (job: Job) =>
      [...liveByJob.get(jobKey(job))].some(
        (alloc) => alloc.Job !== job && alloc.DesiredStatus === "run",
      ),
    /** Jobs that run on every node that they may. */
    systemJobs: (): ReadonlySet<Job> => systemJobs,
    tableIndex: (table: Table) => tables[table],

    /** Hears of every allocation that changed, after the change. */
    onAlloc: (listener: (alloc: Allocation) => void) => void allocListeners.push(listener),
    /** Hears of every node that changed or was removed. */
    onNode: (listener: (node: Node) => void) => void nodeListeners.push(listener),

    /** Calls back at the next change of any of the topics, once. */
    watch(topics: readonly Topic[], changed: () => void): () => void {
      const stop = () => {
        for (const topic of topics) waiters.remove(topic, once);
      };
      const once = () => {
        stop();
        changed();
      };
      for (const topic of topics) waiters.add(topic, once);
      return stop;
    },

    /** Commits a node, new or changed. */
    putNode(node: Node): number {
      const index = nextIndex("nodes");
      if (!nodes.has(node.ID)) node.CreateIndex = index;
      node.ModifyIndex = index;
      nodes.set(node.ID, node);
      indexNode(node, "add");
      if (node.SchedulingEligibility === "ineligible") ineligible.add(node);
      else ineligible.delete(node);
      for (const listener of nodeListeners) listener(node);
      wake(`node:${node.ID}`);
      wake("nodes");
      return index;
    },

    removeNode(node: Node): number {
      const index = nextIndex("nodes");
      nodes.delete(node.ID);
      ineligible.delete(node);
      indexNode(node, "remove");
      for (const listener of nodeListeners) listener(node);
      wake(`node:${node.ID}`);
      wake("nodes");
      return index;
    },

    /** Commits allocations in one write: they share an index. */
    putAllocs(changed: readonly Allocation[], now: number): number {
      const index = nextIndex("allocs");
      for (const alloc of changed) {
        if (!allocs.has(alloc.ID)) {
          allocs.set(alloc.ID, alloc);
          alloc.CreateIndex = index;
          alloc.CreateTime = Math.floor(now) * 1e6;
          allocsByNode.add(alloc.NodeID, alloc);
          allocsByJob.add(jobKeyOf(alloc), alloc);
        }
        alloc.ModifyIndex = index;
        alloc.ModifyTime = Math.floor(now) * 1e6;
        const place = isClientTerminal(alloc) ? "remove" : "add";
        liveByNode[place](alloc.NodeID, alloc);
        liveByJob[place](jobKeyOf(alloc), alloc);
      }
      for (const alloc of changed) {
        for (const listener of allocListeners) listener(alloc);
      }
      for (const alloc of changed) {
        wake(`alloc:${alloc.ID}`);
        wake(`node-allocs:${alloc.NodeID}`);
      }
      wake("allocs");
      return index;
    },

    putJob(job: Job): number {
      const index = nextIndex("jobs");
      const previous = jobs.get(jobKey(job));
      if (previous) systemJobs.delete(previous);
      else job.CreateIndex = index;
      job.ModifyIndex = index;
      jobs.set(jobKey(job), job);
      if (job.Type === "system" || job.Type === "sysbatch") systemJobs.add(job);
      wake("jobs");
      return index;
    },

    removeJob(key: string): number {
      const job = jobs.get(key);
      if (job) systemJobs.delete(job);
      jobs.delete(key);
      const index = nextIndex("jobs");
      wake("jobs");
      return index;
    },

    putDeployment(deployment: Deployment): number {
      const index = nextIndex("deployments");
      if (!deployments.has(deployment.ID)) {
        deployment.CreateIndex = index;
        deployments.set(deployment.ID, deployment);
        deploymentsByJob.add(`${deployment.Namespace}/${deployment.JobID}`, deployment);
      }
      deployment.ModifyIndex = index;
      wake("deployments");
      return index;
    },

    putVolume(volume: Volume): number {
      volumes.set(`${volume.Namespace}/${volume.ID}`, volume);
      const index = nextIndex("volumes");
      wake("volumes");
      return index;
    },
  };
};

export type State = ReturnType<typeof createState>;
