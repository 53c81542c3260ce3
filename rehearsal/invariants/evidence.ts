import type { Outcome } from "../emulators/auto-scaling/state.ts";
import type { NodeWrite } from "../emulators/nomad/journal.ts";
import type { Chronicle, ClusterTruth, MachineEnd } from "../world/park.ts";

/** A lifecycle action, as Auto Scaling itself knows it. Times are milliseconds since the epoch. */
export interface ActionFact {
  readonly hook: string;
  readonly startedAt: number;
  /** When Auto Scaling decides by itself, whatever heartbeats it gets. */
  readonly limitAt: number;
  readonly heartbeats: number;
  readonly outcome?: Outcome | undefined;
}

export interface InstanceFact {
  readonly id: string;
  readonly group: string;
  readonly state: string;
  readonly actions: readonly ActionFact[];
  /** Whether a person has tagged it so that Drover leaves it alone. @default false */
  readonly held?: boolean;
}

/** An execution of a state machine, as Step Functions and the wire know it. */
export interface ExecutionFact {
  readonly arn: string;
  /** The instance that its input names. */
  readonly instanceId: string | undefined;
  /** Whether a person started it, with no more than the instance's id. */
  readonly byHand: boolean;
  /** Whether that person wants the group to get smaller, and the execution did it. */
  readonly shrinks?: boolean | undefined;
  readonly startedAt: number;
  readonly stoppedAt?: number | undefined;
  /** When it called Nomad first and last, while it ran. */
  readonly calls?: { readonly first: number; readonly last: number } | undefined;
  /** How many nodes it has had Nomad purge. @default 0 */
  readonly purged?: number | undefined;
}

/** A span in which the stop parameter held Drover still; without an end it does so still. */
export interface Stop {
  readonly from: number;
  readonly until?: number | undefined;
}

/** All that Auto Scaling has of a group, but for what changes by itself. */
export interface GroupFact {
  readonly name: string;
  readonly sizes: string;
  readonly tags: string;
  readonly hooks: string;
  readonly suspended: readonly string[];
}

/**
 * Something about an instance that the faults of a rehearsal left no way to
 * prevent. Whoever makes the faults says so beforehand, from what they are alone.
 */
export interface Excuse {
  /** Name of the invariant that need not hold for it, such as `every-hook-decided`. */
  readonly invariant: string;
  readonly instanceId: string;
  /** In a person's words: `Auto Scaling took no call from 09:10 until after the limit`. */
  readonly why: string;
}

/**
 * What the services themselves know after a rehearsal. Invariants are judged
 * from this alone, never from what Drover says of itself; its table is here
 * because what lies in it is what it has taken.
 */
export interface Evidence {
  /** Name of our hook. */
  readonly hook: string;
  /** Access key with which Drover calls AWS. */
  readonly accessKey: string;
  /** How long work may take to move away, from the start of its drain. */
  readonly drainDeadlineSeconds: number;
  /** How many nodes of the cluster may drain at once, as Drover was told. */
  readonly clusterSlots: number;
  /** Every instance that the managed groups ever had. */
  readonly instances: readonly InstanceFact[];
  readonly foreignInstances: readonly InstanceFact[];
  readonly groups: readonly GroupFact[];
  readonly foreignGroups: {
    readonly before: readonly GroupFact[];
    readonly after: readonly GroupFact[];
  };
  /** How their machines ended. */
  readonly ends: readonly MachineEnd[];
  readonly cluster: { readonly before: ClusterTruth; readonly after: ClusterTruth };
  /** Whether the pool's settings let Drover only watch. */
  readonly observeOnly: boolean;
  /** How many instances the managed group is to have by what people asked for, and has. */
  readonly desired: { readonly asked: number; readonly is: number };
  /** Items of Drover's table. */
  readonly records: readonly Readonly<Record<string, unknown>>[];
  /** ARNs of executions that have not ended. */
  readonly running: readonly string[];
  readonly executions: readonly ExecutionFact[];
  readonly stops: readonly Stop[];
  /** What Nomad's servers saw as it happened; real ones do not tell. */
  readonly chronicle?: Chronicle | undefined;
  readonly excuses: readonly Excuse[];
}

export interface Verdict {
  readonly name: string;
  readonly held: boolean;
  /** One sentence each. */
  readonly violations: readonly string[];
  /** What is no violation and yet nothing to be silent about; absent when there is nothing. */
  readonly reported?: readonly string[];
}

export interface Invariant {
  readonly name: string;
  /** @returns a sentence for each violation, which names the instance that it is about */
  readonly judge: (evidence: Evidence) => string[];
  /** @returns a sentence for each thing that is permitted, yet is to be told */
  readonly report?: (evidence: Evidence) => string[];
}

export const isEnded = ({ state }: InstanceFact): boolean => state === "Terminated";

/** Instances that are on their way out, or gone. */
export const isLeaving = ({ state }: Pick<InstanceFact, "state">): boolean =>
  state.startsWith("Terminat");

/** A write to a node, in a person's words. */
export const describeWrite = ({ call }: Pick<NodeWrite, "call">): string =>
  call === "eligibility" ? "a change of its eligibility" : `a ${call}`;

/** What Drover wrote to nodes, as Nomad's servers took it. */
export const writesOf = ({ chronicle }: Evidence): NodeWrite[] =>
  (chronicle?.writes ?? []).filter(({ accessor }) => accessor === chronicle?.droverAccessor);

/** Who made each node ineligible that is so, by the accessor; nobody knows what was so before. */
export const cordonOwners = (
  { droverAccessor, writes }: Chronicle,
  seen?: (write: NodeWrite, owner: string | undefined) => void,
): ReadonlyMap<string, string> => {
  const owners = new Map<string, string>();
  for (const write of writes) {
    const { nodeId, accessor, before, after } = write;
    seen?.(write, owners.get(nodeId));
    if (!after || after.eligible) owners.delete(nodeId);
    else if (before.eligible || accessor !== droverAccessor)
      // One who cordons what is cordoned already wants it so too.
      owners.set(nodeId, accessor);
  }
  return owners;
};

export const actionOf = (instance: InstanceFact, hook: string): ActionFact | undefined =>
  instance.actions.find((action) => action.hook === hook);

/** Since when an instance is on its way out: its hook holds it, or a person asked for it. */
export const leavesSince = (evidence: Evidence, instanceId: string): number => {
  const instance = evidence.instances.find(({ id }) => id === instanceId);
  const actions = (instance?.actions ?? []).filter(({ hook }) => hook === evidence.hook);
  const orders = evidence.executions.filter(
    (each) => each.byHand && each.instanceId === instanceId,
  );
  return Math.min(
    ...actions.map(({ startedAt }) => startedAt),
    ...orders.map(({ startedAt }) => startedAt),
  );
};
