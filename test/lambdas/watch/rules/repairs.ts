import type { Member } from "../../../../lambdas/clients/members.ts";
import type { ExecutionStatus } from "../../../../lambdas/clients/executions.ts";
import type { Ownership } from "../../../../lambdas/clients/records.ts";
import type {
  LookAtCluster,
  Mark,
  MarkSeen,
  Plan,
} from "../../../../lambdas/watch/reconciliation.ts";
import { findMarked } from "../../../../lambdas/watch/rules/find-marks.ts";
import type { Circumstances, Looks } from "../../../../lambdas/watch/rules/plan-repairs.ts";

/** Everything that there is to know of an instance, of which each service tells its part. */
export interface Fact {
  readonly id: string;
  readonly pool: string;
  /** What EC2 says when it is asked. */
  readonly word: string;
  /** What Auto Scaling says; absent: no group has it. */
  readonly lifecycleState?: string | undefined;
  readonly node?:
    | {
        readonly status: "ready" | "down";
        readonly cordon: MarkSeen["cordon"];
        readonly isServer?: boolean | undefined;
      }
    | undefined;
  readonly inConsul: boolean;
  readonly record?: Pick<Ownership, "phase" | "left"> | undefined;
  /** How the execution stands that the record names. */
  readonly execution: ExecutionStatus;
}

export type Silence = "EC2" | "Nomad" | "Consul" | "records";

const executionOf = ({ id }: Fact): string => `arn:execution:${id}`;
const server = "Its address is that of a Nomad server";

const ownershipOf = (fact: Fact): Ownership | undefined =>
  fact.record && {
    instanceId: fact.id,
    execution: executionOf(fact),
    pool: fact.pool,
    group: `group-of-${fact.pool}`,
    reason: "scale-in",
    since: "2026-01-05T09:00:00.000Z",
    hook: null,
    ...fact.record,
  };

const memberOf = ({ id, pool, lifecycleState }: Fact): Member[] =>
  lifecycleState
    ? [{ instanceId: id, group: `group-of-${pool}`, tags: new Map(), lifecycleState }]
    : [];

/** What the tasks of a run make of the facts, where some service does not answer. */
export const look = (facts: readonly Fact[], silent: ReadonlySet<Silence> = new Set()): Looks => {
  const owned = silent.has("records") ? [] : facts.flatMap((fact) => ownershipOf(fact) ?? []);
  const members = facts.flatMap(memberOf);
  const statusOf = new Map(facts.map((fact) => [executionOf(fact), fact.execution]));
  const marks = findMarked({ members, owned, statusOf }).map(({ record, where }): Mark => ({
    instanceId: record.instanceId,
    pool: record.pool,
    execution: record.execution,
    phase: record.phase === "failed" ? "failed" : "retiring",
    where,
    executions: [record.execution],
    since: record.since,
    isKnown: true,
    isRecent: false,
    member: record.instanceId,
  }));
  const factOf = new Map(facts.map((fact) => [fact.id, fact]));
  // Without Consul nobody knows who is a server: of such a node nothing is told.
  const isBlind = silent.has("Nomad") || silent.has("Consul");
  const cluster: LookAtCluster = {
    down: isBlind
      ? []
      : facts.flatMap(({ id, node }) =>
          node?.status === "down"
            ? [
                {
                  instanceId: id,
                  nodeId: `node-of-${id}`,
                  name: id,
                  member: id,
                  ...(node.isServer && { server }),
                },
              ]
            : [],
        ),
    marks: isBlind
      ? []
      : marks.map(({ instanceId }): MarkSeen => {
          const { node, inConsul } = factOf.get(instanceId)!;
          return {
            instanceId,
            member: instanceId,
            inConsul,
            cordon: node?.cordon ?? "none",
            why: "Somebody has looked.",
            ...(node && { nodeId: `node-of-${instanceId}`, status: node.status }),
            ...(node?.isServer && { server }),
          };
        }),
    unknown: [],
  };
  return { marks, cluster, recordOf: new Map(owned.map((each) => [each.instanceId, each])) };
};

export const circumstances = (
  facts: readonly Fact[],
  changed: Partial<Circumstances> & { readonly silent?: ReadonlySet<Silence> } = {},
): Circumstances => ({
  words: new Map(changed.silent?.has("EC2") ? [] : facts.map(({ id, word }) => [id, word])),
  stopped: false,
  observed: new Set(),
  ...changed,
});

/** The facts when all of a plan has been done. */
export const repair = (facts: readonly Fact[], plan: Plan): Fact[] =>
  facts.map((fact) => {
    const is = ({ instanceId }: { readonly instanceId: string }) => instanceId === fact.id;
    const settled = plan.settle.find(is);
    const { node: _node, ...rest } = fact;
    if (plan.forget.some(is))
      return { ...rest, inConsul: false, record: { phase: "retired", left: [] } };
    if (plan.giveBack.some(({ mark }) => is(mark)))
      return {
        ...fact,
        record: { phase: "failed", left: [] },
        ...(fact.node && { node: { ...fact.node, cordon: "none" as const } }),
      };
    return settled ? { ...fact, record: { phase: settled.phase, left: [] } } : fact;
  });
