import * as v from "valibot";
import { connectCluster } from "../../../lambdas/clients/cluster.ts";
import { beginDrain } from "../../../lambdas/retire/begin-drain.ts";
import * as cordonNode from "../../../lambdas/retire/cordon-node.ts";
import * as drainNode from "../../../lambdas/retire/drain-node.ts";
import * as findNode from "../../../lambdas/retire/find-node.ts";
import type { Cordon, Drain, Drains, Node, Slot } from "../../../lambdas/retire/retirement.ts";
import { task } from "../../../lambdas/runtime/task.ts";
import type { Instance } from "../../../rehearsal/emulators/auto-scaling/state.ts";
import type { JobSpec } from "../../../rehearsal/emulators/nomad/job-spec.ts";
import type { Bench, HandlerModule } from "../bench.ts";
import { raiseGroup, retirementOf, type RetirementChanges } from "../pool.ts";

export const takenSlot: Slot = {
  taken: true,
  without: false,
  explanation: "The node may drain.",
  waitSeconds: 0,
  queuedSince: "2026-01-05T09:00:00.000Z",
  takenAt: "2026-01-05T09:00:00.000Z",
  underWay: 1,
  leases: ["slot#pool#workers#0", "slot#cluster#0"],
};

/** What limits the drains of a cluster in which nobody else drains. */
export const noDrains: Drains = { byOthers: 0, byDrover: [], limit: null, explanation: "" };

/** A drain that is over, because its time was. */
export const forcedDrain: Drain = {
  pass: "system",
  status: "drained",
  outcome: "forced",
  explanation: "The time is over.",
  beganAt: "2026-01-05T09:00:00.000Z",
  startedAt: "2026-01-05T09:00:00.000Z",
  endedAt: "2026-01-05T09:30:00.000Z",
  until: "2026-01-05T09:30:00.000Z",
  giveUpAt: "2026-01-05T09:32:00.000Z",
  waitSeconds: 0,
  blockers: [],
  cutOff: [],
  allocations: 1,
};

/** A machine with jobs on it, beside one that is empty. */
export const raiseWork = async (bench: Bench, jobs: readonly JobSpec[]): Promise<Instance> => {
  const [instance] = await raiseGroup(bench, { desired: 1 });
  if (instance === undefined) throw new Error("no instance");
  for (const job of jobs) bench.nomad.runJob(job);
  const expected = jobs
    .flatMap(({ groups }) => groups ?? [{}])
    .reduce((sum, { count = 1, tasks = [{}] }) => sum + count * tasks.filter(isFirst).length, 0);
  await bench.until(() => bench.nomad.truth.liveTasks(instance.id) === expected);
  bench.autoScaling.scaleTo("workers", 2);
  const members = () => bench.autoScaling.instances("workers");
  await bench.until(() => members().every(({ state }) => state === "InService"));
  await bench.settle(bench.park.ready(members().map(({ id }) => id)));
  return instance;
};

const isFirst = ({ lifecycle }: { readonly lifecycle?: string }) => lifecycle === undefined;

/** The state of an execution whose node may drain. */
export const readyToDrain = async (
  bench: Bench,
  instance: Instance,
  changes: RetirementChanges = {},
) => {
  const retirement = retirementOf(bench, instance, changes);
  const node = await bench.call<Node>(findNode, retirement);
  const cordon = await bench.call<Cordon>(cordonNode, { ...retirement, node });
  return { ...retirement, node, cordon, slot: takenSlot };
};

export type Draining = Awaited<ReturnType<typeof readyToDrain>> & { readonly drain?: Drain };

interface DrainInput {
  readonly pass: Drain["pass"];
  readonly retirement: Draining;
}

/** What the task does first, without the waiting that follows. */
const beginning: HandlerModule = {
  createHandler: (surroundings) => {
    const { nomad } = connectCluster(surroundings);
    return task(
      surroundings,
      v.custom<DrainInput>(() => true),
      async ({ pass, retirement }, { log }) => {
        const { drain } = await beginDrain(
          { nomad, clock: surroundings.clock, log },
          {
            pass,
            nodeId: retirement.node.id ?? "",
            retirement,
            slot: retirement.slot,
            before: retirement.drain,
          },
        );
        return drain;
      },
    );
  },
};

export const startPass = (bench: Bench, state: Draining, pass: Drain["pass"] = "work") =>
  bench.call<Drain>(beginning, { pass, retirement: state } satisfies DrainInput);

/** One round, as long as a function would live. */
export const awaitRound = (bench: Bench, state: Draining, pass = state.drain?.pass ?? "work") =>
  bench.call<Drain>(drainNode, { pass, retirement: state } satisfies DrainInput);

/** Rounds, with the pauses between them, until the pass is over. */
export const awaitPass = async (bench: Bench, state: Draining & { readonly drain: Drain }) => {
  let { drain } = state;
  while (drain.status !== "drained") {
    drain = await awaitRound(bench, { ...state, drain });
    await bench.pass(drain.waitSeconds);
  }
  return drain;
};

/** The drains that were posted to Nomad so far. */
export const postedDrains = (bench: Bench) =>
  bench.sent
    .filter(({ method, path }) => method === "PUT" && path.endsWith("/drain"))
    .map(({ body }) => {
      const { DrainSpec, Meta } = JSON.parse(body) as {
        DrainSpec: { Deadline: number; IgnoreSystemJobs: boolean };
        Meta: Record<string, string>;
      };
      return { seconds: DrainSpec.Deadline / 1e9, system: !DrainSpec.IgnoreSystemJobs, Meta };
    });

/** What a person does with `nomad node drain`. */
export const drainByHand = (bench: Bench, nodeId: string, seconds: number | null) =>
  bench.settle(
    bench.nomad.service(
      new Request(`https://nomad.internal:4646/v1/node/${nodeId}/drain`, {
        method: "PUT",
        headers: { "x-nomad-token": "nomad-management" },
        body: JSON.stringify({
          DrainSpec: seconds === null ? null : { Deadline: seconds * 1e9, IgnoreSystemJobs: false },
          MarkEligible: false,
          // `-disable` sends none, so that what was there before stays.
          ...(seconds !== null && { Meta: { message: "by hand" } }),
        }),
      }),
    ),
  );

export const setEligibility = (bench: Bench, nodeId: string, Eligibility: string) =>
  bench.settle(
    bench.nomad.service(
      new Request(`https://nomad.internal:4646/v1/node/${nodeId}/eligibility`, {
        method: "PUT",
        headers: { "x-nomad-token": "nomad-management" },
        body: JSON.stringify({ Eligibility }),
      }),
    ),
  );
