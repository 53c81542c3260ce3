import type { Clock } from "../../../lambdas/runtime/clock.ts";
import type { Agenda } from "../../agenda.ts";
import { between, uuid } from "../../random.ts";
import type { Leadership } from "../hashicorp/leadership.ts";
import type { Placement } from "./placement.ts";
import type { Deployments } from "./deployments.ts";
import type { Allocation, Deployment, Job, Node } from "./records.ts";
import { jobKey, jobKeyOf } from "./records.ts";
import { reconcileSystem } from "./scheduler-system.ts";
import type { State } from "./state.ts";
import { reconcileWork } from "./scheduler-work.ts";

/** What one evaluation works with and what it decides. */
export interface Evaluation {
  readonly state: State;
  readonly placement: Placement;
  readonly key: string;
  /** Of the job's present version. */
  readonly deployment: Deployment | undefined;
  /** Whether an allocation has to be replaced for the present version. */
  isOutdated(alloc: Allocation): boolean;
  /** Takes an allocation over into the present version as it is. */
  update(alloc: Allocation): void;
  startDeployment(): void;
  /** Whether an allocation has been unknown for longer than its job allows. */
  isExpired(alloc: Allocation): boolean;
  /** Notes that nothing is heard of an allocation. @param patience - nanoseconds */
  disconnect(alloc: Allocation, patience: number): void;
  /** Undefined once the job is purged. */
  readonly job: Job | undefined;
  /** Nodes that a system job is to be looked at on. */
  readonly nodes: ReadonlySet<string> | "all";
  /** Names that allocations hold although they have ended (done, or waiting to be rescheduled). */
  readonly held: ReadonlyMap<string, Allocation>;
  readonly isRescheduled: (alloc: Allocation) => boolean;
  /** Stops an allocation; lost ones are not waited for. */
  stop(alloc: Allocation, why: string, lost?: boolean): void;
  place(group: string, name: string, node: Node, previous: Allocation | undefined): void;
  block(): void;
}

export interface Scheduler {
  /** Has a job looked at again soon. */
  evaluate(key: string, nodeId?: string): void;
  /** Has everything looked at that a change of a node may concern. */
  evaluateNode(node: Node): void;
  /** Something may have become possible: looks at the jobs that wait for room. */
  unblock(): void;
  isBlocked(key: string): boolean;
}

/** Turns jobs into allocations, some milliseconds after something changed. */
export const createScheduler = (deps: {
  state: State;
  placement: Placement;
  clock: Clock;
  agenda: Agenda;
  random: () => number;
  leadership: Leadership;
  /** Created after the scheduler, which it has look at jobs. */
  deployments: () => Deployments;
  /** Whether two versions of a job want the same tasks in a group. */
  isSameWork: (one: Job, other: Job, group: string) => boolean;
}): Scheduler => {
  const { state, placement, clock, agenda, random, leadership } = deps;
  const queue = new Map<string, Set<string> | "all">();
  const blocked = new Set<string>();
  const held = new Map<string, Map<string, Allocation>>();
  const rescheduled = new Set<Allocation>();
  const expired = new Set<Allocation>();
  let scheduled = false;

  /** One evaluation after the other, a few milliseconds each: others see the steps between. */
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    agenda.after(between(random, [1, 6]), () =>
      leadership.whenLed(() => {
        scheduled = false;
        const [next] = queue;
        if (!next) return;
        queue.delete(next[0]);
        run(...next);
        if (queue.size > 0) schedule();
      }),
    );
  };

  const evaluate = (key: string, nodeId?: string) => {
    const nodes = queue.get(key);
    if (nodeId === undefined) queue.set(key, "all");
    else if (nodes === undefined) queue.set(key, new Set([nodeId]));
    else if (nodes !== "all") nodes.add(nodeId);
    schedule();
  };

  const run = (key: string, nodes: ReadonlySet<string> | "all") => {
    const changed = new Set<Allocation>();
    const job = state.jobs.get(key);
    const evalId = uuid(random);
    blocked.delete(key);
    const deployments = deps.deployments();
    const evaluation: Evaluation = {
      get deployment() {
        return job && deployments.of(job);
      },
      isOutdated: (alloc) =>
        job !== undefined && alloc.Job !== job && !deps.isSameWork(alloc.Job, job, alloc.TaskGroup),
      update(alloc) {
        alloc.Job = job!;
        changed.add(alloc);
        const deployment = deployments.of(job!);
        if (!deployment) return;
        alloc.DeploymentID = deployment.ID;
        alloc.DeploymentStatus = null;
        deployments.noteUpdatedInPlace(alloc);
      },
      isExpired: (alloc) => expired.has(alloc),
      disconnect(alloc, patience) {
        if (alloc.ClientStatus === "unknown") return;
        alloc.ClientStatus = "unknown";
        alloc.ClientDescription = "alloc is unknown since its node is disconnected";
        changed.add(alloc);
        agenda.after(patience / 1e6, () => {
          if (alloc.ClientStatus !== "unknown") return;
          expired.add(alloc);
          evaluate(key);
        });
      },
      startDeployment() {
        if (job && !deployments.of(job)) deployments.start(job);
      },
      state,
      placement,
      key,
      job,
      nodes,
      held: held.get(key) ?? new Map(),
      isRescheduled: (alloc) => rescheduled.has(alloc),
      stop(alloc, why, lost = false) {
        alloc.DesiredStatus = "stop";
        alloc.DesiredDescription = why;
        if (lost) alloc.ClientStatus = "lost";
        changed.add(alloc);
      },
      place(group, name, node, previous) {
        const alloc = createAllocation({
          job: job!,
          group,
          name,
          node,
          previous,
          evalId,
          deployment: deployments.of(job!),
        });
        if (previous) {
          previous.NextAllocation = alloc.ID;
          changed.add(previous);
        }
        changed.add(alloc);
        placement.plan(alloc);
      },
      block: () => void blocked.add(key),
    };
    const type = job?.Type ?? [...state.liveByJob(key)][0]?.Job.Type;
    if (type === "system" || type === "sysbatch") reconcileSystem(evaluation);
    else reconcileWork(evaluation);
    placement.forgetPlan();
    if (changed.size > 0) state.putAllocs([...changed], clock.now());
  };

  const createAllocation = (of: {
    job: Job;
    group: string;
    name: string;
    node: Node;
    previous: Allocation | undefined;
    evalId: string;
    deployment: Deployment | undefined;
  }): Allocation => ({
    ID: uuid(random),
    Namespace: of.job.Namespace,
    EvalID: of.evalId,
    Name: of.name,
    NodeID: of.node.ID,
    NodeName: of.node.Name,
    JobID: of.job.ID,
    Job: of.job,
    TaskGroup: of.group,
    DesiredStatus: "run",
    DesiredDescription: "",
    DesiredTransition: { Migrate: null },
    ClientStatus: "pending",
    ClientDescription: "",
    TaskStates: null,
    PreviousAllocation: of.previous?.ID ?? "",
    NextAllocation: "",
    DeploymentID: of.deployment?.Status === "running" ? of.deployment.ID : "",
    DeploymentStatus: null,
    FollowupEvalID: "",
    CreateIndex: 0,
    ModifyIndex: 0,
    CreateTime: 0,
    ModifyTime: 0,
  });

  /** A failed allocation keeps its name for the delay of the default reschedule policy. */
  const noteEnd = (alloc: Allocation) => {
    const key = jobKeyOf(alloc);
    const names = held.get(key) ?? new Map<string, Allocation>();
    const isHeld = names.get(alloc.Name) === alloc;
    const ends =
      alloc.DesiredStatus === "run" &&
      (alloc.ClientStatus === "failed" ||
        (alloc.ClientStatus === "complete" && alloc.Job.Type === "batch"));
    if (!ends || isHeld) return;
    held.set(key, names.set(alloc.Name, alloc));
    if (alloc.ClientStatus !== "failed") return;
    agenda.after(alloc.Job.Type === "batch" ? 5000 : 30_000, () => {
      rescheduled.add(alloc);
      evaluate(key);
    });
  };

  const unblock = () => {
    for (const key of blocked) evaluate(key);
  };

  state.onAlloc((alloc) => {
    noteEnd(alloc);
    if (blocked.size > 0 && alloc.DesiredStatus === "stop") unblock();
    else if (blocked.size > 0 && alloc.ClientStatus === "complete") unblock();
  });

  return {
    evaluate,
    unblock,
    isBlocked: (key) => blocked.has(key),
    evaluateNode(node) {
      for (const alloc of state.liveByNode(node.ID)) evaluate(jobKeyOf(alloc), node.ID);
      for (const job of state.systemJobs()) {
        if (job.NodePool === node.NodePool || job.NodePool === "all")
          evaluate(jobKey(job), node.ID);
      }
    },
  };
};
