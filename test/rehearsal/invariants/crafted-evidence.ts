import type { DrainFact, Shortage } from "../../../rehearsal/emulators/nomad/census.ts";
import type { NodeSight, NodeWrite } from "../../../rehearsal/emulators/nomad/journal.ts";
import type {
  ActionFact,
  Evidence,
  ExecutionFact,
  GroupFact,
  InstanceFact,
} from "../../../rehearsal/invariants/evidence.ts";
import type { Chronicle, MachineEnd, NodeTruth } from "../../../rehearsal/world/park.ts";

/** Evidence made by hand: a world in which all went well, and pieces to change it with. */

export const hook = "drover-default/retire";
export const minute = 60_000;

export const action = (changed: Partial<ActionFact> = {}): ActionFact => ({
  hook,
  startedAt: 0,
  limitAt: 2880 * minute,
  heartbeats: 3,
  outcome: { result: "CONTINUE", how: "completed", by: "DROVER", at: 5 * minute },
  ...changed,
});

export const ended = (changed: Partial<InstanceFact> = {}): InstanceFact => ({
  id: "i-gone",
  group: "workers",
  state: "Terminated",
  actions: [action()],
  ...changed,
});

export const staying: InstanceFact = {
  id: "i-here",
  group: "workers",
  state: "InService",
  actions: [],
};

export const node = (name: string, changed: Partial<NodeTruth> = {}): NodeTruth => ({
  id: `id-of-${name}`,
  name,
  status: "ready",
  eligible: true,
  draining: false,
  lastDrain: null,
  isServer: false,
  ...changed,
});

export const end = (changed: Partial<MachineEnd> = {}): MachineEnd => ({
  instanceId: "i-gone",
  at: 6 * minute,
  drain: "clean",
  drainStartedAt: minute,
  liveTasks: [],
  ...changed,
});

export const group = (name: string, changed: Partial<GroupFact> = {}): GroupFact => ({
  name,
  sizes: "1 to 3",
  tags: "[]",
  hooks: "[]",
  suspended: [],
  ...changed,
});

export const execution = (changed: Partial<ExecutionFact> = {}): ExecutionFact => ({
  arn: "arn:aws:states:::execution:retire:one",
  instanceId: "i-gone",
  byHand: false,
  startedAt: 0,
  stoppedAt: 8 * minute,
  calls: { first: 1_000, last: 7 * minute },
  ...changed,
});

export const sight = (changed: Partial<NodeSight> = {}): NodeSight => ({
  status: "ready",
  eligible: true,
  work: 0,
  drain: null,
  ...changed,
});

export const drained = (
  accessor: string,
  until: number | null,
  ignoreSystemJobs = false,
): NodeSight => sight({ eligible: false, drain: { accessor, until, ignoreSystemJobs } });

export const write = (call: NodeWrite["call"], changed: Partial<NodeWrite> = {}): NodeWrite => {
  const instanceId = changed.instanceId ?? "i-gone";
  return {
    at: minute,
    accessor: "drover",
    call,
    nodeId: `id-of-${instanceId}`,
    instanceId,
    before: sight(),
    after: sight(),
    ...changed,
  };
};

export const drain = (changed: Partial<DrainFact> = {}): DrainFact => {
  const instanceId = changed.instanceId ?? "i-gone";
  return {
    nodeId: `id-of-${instanceId}`,
    instanceId,
    accessor: "drover",
    startedAt: minute,
    endedAt: 4 * minute,
    ...changed,
  };
};

/** Another instance that left, and began to drain while the first one did. */
export const second = ended({ id: "i-second" });
export const secondDrain = drain({ instanceId: "i-second", startedAt: 2 * minute });

export const shortage: Shortage = {
  at: 3 * minute,
  job: "web",
  healthy: 0,
  count: 2,
  least: 1,
  drains: [drain(), secondDrain],
};

export const servers = [
  "consul server-1 1",
  "nomad leader 10.0.0.1:4647",
  "nomad server-1.global alive",
];

/** A world in which everything went as it has to. */
export const well: Evidence = {
  hook,
  accessKey: "DROVER",
  drainDeadlineSeconds: 600,
  clusterSlots: 1,
  observeOnly: false,
  desired: { asked: 2, is: 2 },
  instances: [ended(), staying],
  foreignInstances: [
    {
      id: "i-theirs",
      group: "theirs",
      state: "Terminating:Wait",
      actions: [action({ hook: "their-hook", outcome: undefined, heartbeats: 0 })],
    },
  ],
  groups: [group("workers")],
  foreignGroups: { before: [group("theirs")], after: [group("theirs")] },
  ends: [end()],
  cluster: {
    before: {
      nodes: [node("i-gone"), node("i-here"), node("theirs")],
      members: ["i-gone", "i-here", "theirs", "server-1"],
      servers,
      pinned: [],
    },
    after: {
      nodes: [node("i-here"), node("theirs")],
      members: ["i-here", "theirs", "server-1"],
      servers,
      pinned: [],
    },
  },
  records: [{ pk: "instance#i-gone", ownership: { phase: "retired", left: [] } }],
  running: [],
  executions: [execution()],
  stops: [],
  chronicle: {
    droverAccessor: "drover",
    keepsMaxParallel: false,
    writes: [
      write("eligibility", { at: minute, after: sight({ eligible: false }) }),
      write("drain", { at: minute, after: drained("drover", 11 * minute, true) }),
      write("purge", { at: 15 * minute, after: undefined }),
    ],
    drains: [drain()],
    shortages: [],
    emptyStarts: [],
    farewells: [
      { at: 15 * minute, call: "force-leave", member: "i-gone", isAlive: false },
      { at: 15 * minute, call: "deregister", member: "i-gone", isAlive: false },
    ],
  },
  excuses: [],
};

export const chronicle = (changed: Partial<Chronicle>): Partial<Evidence> => ({
  chronicle: { ...well.chronicle!, ...changed },
});
/** What was written besides what has to be. */
export const alsoWritten = (...writes: readonly NodeWrite[]): Partial<Evidence> =>
  chronicle({ writes: [...well.chronicle!.writes, ...writes] });

export const after = (changed: Partial<Evidence["cluster"]["after"]>): Partial<Evidence> => ({
  cluster: { ...well.cluster, after: { ...well.cluster.after, ...changed } },
});

/** What is changed, and the sentence that tells it. */
export type Breach = readonly [what: string, changed: Partial<Evidence>, sentence: RegExp];
