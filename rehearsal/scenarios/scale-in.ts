import { callsByState } from "../coverage/collect.ts";
import type { MatrixCounts } from "../coverage/matrix.ts";
import { type Pace, realPace, virtualPace } from "../clock/pace.ts";
import type { Instance } from "../emulators/auto-scaling/state.ts";
import type { Delays } from "../emulators/auto-scaling/world.ts";
import type { Execution } from "../emulators/step-functions.ts";
import { type Excuse, isLeaving, type Verdict } from "../invariants/evidence.ts";
import { judge } from "../invariants/invariants.ts";
import { applySchedule } from "../faults/apply.ts";
import type { Schedule } from "../faults/fault.ts";
import { seededBy } from "../random.ts";
import { describeRetirement, type Report, runsByInstance } from "../report.ts";
import { createWorld, type World } from "../world.ts";
import type { HandlerModule } from "../world/handlers.ts";
import type { Park, RehearsalJob } from "../world/park.ts";
import { isolateSdk, warmSdk } from "../world/sdk-environment.ts";
import { synthesizeWorld } from "../world/template.ts";
import { describeGroups, gatherEvidence } from "./gather-evidence.ts";
import { mixJobs } from "./jobs.ts";
import { foreignGroup, moveNeighboursIn, neighbourHook } from "./neighbours.ts";
import { createNarrator, type Progress } from "./narrator.ts";

export interface ScaleInOptions {
  readonly nodes: number;
  /** How many of them leave. */
  readonly terminate: number;
  readonly jobs: number;
  readonly seed: number;
  /** How many nodes of the pool and of the cluster may drain at once. @default 1 */
  readonly slots?: number;
  readonly progress?: Progress | undefined;
  /** Gives the module of a task. @default the handlers of this repository */
  readonly handlers?: (task: string) => HandlerModule;
  /** Puts more into the world than jobs and neighbours, before it is looked at for the first time. */
  readonly setUp?: (world: World) => void | Promise<void>;
  /** Is given the world when everything is ready, before the first instance leaves. */
  readonly onReady?: (world: World) => void;
  /** What goes wrong, from the moment when the first instance is to leave. @default nothing */
  readonly schedule?: Schedule;
  /** What the faults left no way to prevent; asked when everything is over. @default nothing */
  readonly excuses?: () => readonly Excuse[];
  /** Is told which faults of the schedule struck in which states, and what these call. */
  readonly onCoverage?: (counts: MatrixCounts) => void;
}

/** How the machines of a rehearsal come about. */
export interface Stage {
  readonly isVirtual: boolean;
  readonly raise: (pace: Pace, seed: number, capacity: number) => Promise<Park>;
  readonly endpoints: Park["endpoints"];
  /** Bounds of how long batch work takes, in seconds. */
  readonly batchSeconds: readonly [number, number];
  readonly drainDeadlineSeconds: number;
  /** The hook's heartbeat time-out. @default as Drover's */
  readonly heartbeatSeconds?: number;
  /** Within which everything has to be over, in seconds. */
  readonly patienceSeconds: number;
  /** How long Auto Scaling and EC2 take. @default as on AWS */
  readonly delays?: Partial<Delays>;
}

const poolName = "workers";

/** What a rehearsal needs before its time begins: reading and synthesizing are real work. */
const prepare = async (stage: Stage, options: ScaleInOptions) => {
  const template = synthesizeWorld(stage.endpoints, {
    pool: poolName,
    size: options.nodes,
    drainDeadlineSeconds: stage.drainDeadlineSeconds,
    slots: options.slots ?? 1,
    ...(stage.heartbeatSeconds !== undefined && { heartbeatSeconds: stage.heartbeatSeconds }),
  });
  await warmSdk();
  return { template };
};

/**
 * Allocations that have to fit on a machine: with a tenth of room to move when
 * some have left. Much more, and Nomad would pack everything onto a few machines.
 */
const capacityFor = (jobs: readonly RehearsalJob[], machines: number): number => {
  const everywhere = jobs.filter(({ type }) => type === "sysbatch").length;
  const elsewhere = jobs
    .filter(({ type }) => type === "service" || type === "batch")
    .reduce((sum, { count }) => sum + count, 0);
  return everywhere + Math.ceil((elsewhere * 1.1) / machines);
};

const isGone = ({ state }: Instance): boolean =>
  state === "Terminated" || state === "Terminating:Retained";

/** So often whatever looks after a cluster has to have looked: once, it may have come too late. */
const enoughLooks = 2;

/**
 * Whether a run has looked at all there is. One that found another under way has
 * not, and what was unknown to a run is left to the next.
 */
const hasSeenAll = ({ status, output }: Execution): boolean => {
  const { findings, unknown = [] } = JSON.parse(output ?? "{}") as {
    readonly findings?: readonly unknown[];
    readonly unknown?: readonly unknown[];
  };
  return status === "SUCCEEDED" && findings !== undefined && unknown.length === 0;
};

/**
 * What is called by a schedule repairs what nothing else would. After faults it
 * has to have had its chances, since everything else came to rest.
 *
 * @returns whether it has had them by now; to be asked at every moment
 */
const watchTheWatch = ({ stack, stepFunctions, clock }: World, isAtRest: () => boolean) => {
  const watching = new Set(
    stack.rules
      .filter(({ everyMinutes }) => everyMinutes !== undefined)
      .flatMap(({ targets }) => targets.map(({ arn }) => arn)),
  );
  let since: number | undefined;
  return (): boolean => {
    const executions = stepFunctions.executions();
    const isWork = executions.some(
      ({ status, stateMachineArn }) => status === "RUNNING" && !watching.has(stateMachineArn),
    );
    if (isWork || !isAtRest()) {
      since = undefined;
      return false;
    }
    since ??= clock.now();
    const from = since;
    const looks = executions.filter(
      (execution) =>
        watching.has(execution.stateMachineArn) &&
        execution.startedAt >= from &&
        hasSeenAll(execution),
    );
    return watching.size === 0 || looks.length >= enoughLooks;
  };
};

/** When an instance came to the state that it is in. */
const endOf = ({ history }: Instance): number => history.at(-1)?.at ?? 0;

/**
 * A pool of instances with jobs of all types; some of them leave by a scale-in.
 * The rehearsal is over when nothing happens any more.
 */
export const rehearseScaleIn = async (stage: Stage, options: ScaleInOptions): Promise<Report> => {
  const putBack = isolateSdk();
  try {
    const prepared = await prepare(stage, options);
    const began = performance.now();
    const pace = stage.isVirtual ? virtualPace(options.seed) : realPace();
    try {
      return await run(stage, options, prepared, pace, () => (performance.now() - began) / 1000);
    } finally {
      pace.end();
    }
  } finally {
    putBack();
  }
};

const run = async (
  stage: Stage,
  options: ScaleInOptions,
  prepared: Awaited<ReturnType<typeof prepare>>,
  pace: Pace,
  wallSeconds: () => number,
): Promise<Report> => {
  const { nodes, terminate, seed } = options;
  const jobs = mixJobs(seededBy(seed, "jobs"), options.jobs, stage.batchSeconds);
  const startedAt = pace.clock.now();
  const narrator = createNarrator(options.progress, () => pace.clock.now() - startedAt);
  const park = await stage.raise(pace, seed, capacityFor(jobs, nodes - terminate));
  let world: World | undefined;
  try {
    world = createWorld({
      ...prepared,
      park,
      clock: pace.clock,
      seed,
      onEvent: narrator.onEvent,
      ...(stage.delays && { delays: stage.delays }),
      ...(options.handlers && { handlers: options.handlers }),
    });
    const here = world;
    const [group] = here.stack.groups;
    if (group === undefined) throw new Error("the template has no group");
    const [hook] = group.hooks ?? [];
    if (hook === undefined) throw new Error(`the group ${group.name} has no hook`);

    narrator.say(`${nodes} instances of the pool ${poolName} start`);
    here.autoScaling.createGroup({
      ...group,
      desired: nodes,
      hooks: [...(group.hooks ?? []), neighbourHook],
    });
    moveNeighboursIn(here);
    const members = () => here.autoScaling.instances(group.name);
    // Asked at every moment, and thousands start: one that has not started yet answers for all.
    let starting: Instance | undefined;
    const inService = () => {
      if (starting && starting.state !== "InService" && !isLeaving(starting) && !isGone(starting))
        return false;
      const all = members();
      starting = all.find(({ state }) => state !== "InService");
      return starting === undefined && all.length === nodes;
    };
    if (!(await pace.until(inService, 600_000))) throw new Error("the instances did not start");
    await pace.await(park.ready(members().map(({ id }) => id)));
    await pace.await(park.addForeign());
    narrator.say(`all nodes are ready; ${jobs.length} jobs start`);
    await pace.await(park.runJobs(jobs));

    if (options.setUp) await pace.await(Promise.resolve(options.setUp(here)));

    const parties = { managed: [group.name], foreign: [foreignGroup] };
    const before = {
      cluster: await pace.await(park.look()),
      foreignGroups: describeGroups(here, parties.foreign),
    };
    options.onReady?.(here);
    const faults = options.schedule && applySchedule(here, options.schedule);
    narrator.say(`the group scales in from ${nodes} to ${nodes - terminate}`);
    const scaledAt = pace.clock.now();
    here.autoScaling.scaleTo(group.name, nodes - terminate);
    here.autoScaling.scaleTo(foreignGroup, 1);

    const isGoneWhoLeaves = () =>
      members().filter(isGone).length >= terminate &&
      members().every((instance) => !isLeaving(instance) || isGone(instance));
    const hasLooked = watchTheWatch(here, isGoneWhoLeaves);
    // Asked at every moment: what is cheap, and mostly not so, comes first.
    const isQuiet = () =>
      (faults === undefined || hasLooked()) &&
      here.underWay() === 0 &&
      here.stepFunctions.executions().every(({ status }) => status !== "RUNNING") &&
      isGoneWhoLeaves();
    const isOver = await pace.until(isQuiet, stage.patienceSeconds * 1000);
    const over = pace.clock.now();
    narrator.say(isOver ? "nothing happens any more" : "it does not come to an end");

    const evidence = await pace.await(
      gatherEvidence(here, parties, before, {
        hook: hook.name,
        drainDeadlineSeconds: stage.drainDeadlineSeconds,
        clusterSlots: options.slots ?? 1,
        asked: nodes - terminate,
        excuses: [...(options.excuses?.() ?? []), ...(faults?.excuses ?? [])],
      }),
    );
    const runs = runsByInstance(here);
    options.onCoverage?.({ strikes: faults?.met ?? {}, calls: callsByState(here) });
    return {
      scenario: "scale-in",
      seed,
      nodes,
      virtualSeconds: Math.round((over - scaledAt) / 100) / 10,
      wallSeconds: Math.round(wallSeconds() * 10) / 10,
      retired: members()
        .filter(isLeaving)
        .sort((one, other) => endOf(one) - endOf(other))
        .map((instance) =>
          describeRetirement(here, instance, hook.name, runs.get(instance.id) ?? []),
        ),
      ...(faults && { faults: faults.strikes }),
      invariants: judge(evidence) satisfies Verdict[],
    };
  } finally {
    world?.close();
    await park.close();
  }
};
