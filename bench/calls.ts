import type { World } from "../rehearsal/world.ts";
import type { Benchmark, Figure } from "./benchmark.ts";
import { rehearse } from "./retirements.ts";

const sizes = [50, 500, 5000] as const;
const aim = 25;

/** Counts of calls for one instance, by service. */
type Counts = ReadonlyMap<string, number>;

const countCalls = ({ ledger }: World, instanceId: string): Counts => {
  const counts = new Map<string, number>();
  for (const { subject, destination, service } of ledger.entries) {
    if (subject.instanceId !== instanceId) continue;
    const name = destination === "aws" ? service : destination;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
};

const totalOf = (counts: Counts): number => [...counts.values()].reduce((sum, n) => sum + n, 0);

const isWorking = ({ stepFunctions, stack }: World): boolean => {
  const retire = stack.stateMachines[0]?.arn;
  return stepFunctions
    .executions()
    .some(({ status, stateMachineArn }) => status === "RUNNING" && stateMachineArn === retire);
};

/** How many leave one after the other. The first one finds no warm container. */
const leaving = 9;
/** After this batch work has ended, whose end a drain would wait for with one look after the other. */
const settledMilliseconds = 600_000;

/** Lets all but the last leave, each alone. */
const retireAlone = async (world: World, nodes: number): Promise<void> => {
  const name = world.stack.groups[0]?.name ?? "";
  await world.clock.sleep(settledMilliseconds);
  for (let left = nodes - 1; left > nodes - leaving; left -= 1) {
    world.autoScaling.scaleTo(name, left);
    let hasBegun = false;
    while (!hasBegun || isWorking(world)) {
      await world.clock.sleep(1000);
      hasBegun ||= isWorking(world);
    }
  }
};

/** The calls of each of some retirements, in a cluster of a size. */
const countAll = async (nodes: number): Promise<readonly Counts[]> => {
  const { report, world } = await rehearse({
    nodes,
    terminate: leaving,
    jobs: 20,
    setUp: (here) => retireAlone(here, nodes),
  });
  if (report.retired.length !== leaving) throw new Error(`${leaving} were to be retired`);
  return report.retired.map(({ instanceId }) => countCalls(world, instanceId));
};

const byTotal = (one: Counts, other: Counts): number => totalOf(one) - totalOf(other);

/**
 * The calls of a retirement that waits for nobody, by service. What is on a node
 * decides how many there are: those of nodes with the same on them, which is
 * next to nothing, must not grow with the cluster, and those of the others stay
 * below the aim.
 */
export const calls: Benchmark = {
  name: "calls",
  run: async (report) => {
    const figures: Figure[] = [];
    let base: Counts | undefined;
    for (const nodes of sizes) {
      report(`${nodes} nodes`);
      const [cold, ...warm] = await countAll(nodes);
      const [least] = warm.toSorted(byTotal);
      if (!cold || !least) throw new Error("nothing was counted");
      base ??= least;
      const before = totalOf(base);
      figures.push(
        {
          what: `${nodes} nodes: the least of ${warm.length} that found warm containers`,
          value: totalOf(least),
          unit: "calls",
          against: { what: `at ${sizes[0]} nodes`, value: before },
          aim: before,
        },
        {
          what: `${nodes} nodes: one that found none`,
          value: totalOf(cold),
          unit: "calls",
          against: { what: "the least warm one", value: totalOf(least) },
        },
      );
      const services = new Set([cold, ...warm].flatMap((counts) => [...counts.keys()]));
      for (const service of [...services].toSorted()) {
        const most = Math.max(...[cold, ...warm].map((counts) => counts.get(service) ?? 0));
        figures.push({
          what: `${nodes} nodes: the most of any, to ${service}`,
          value: most,
          unit: "calls",
          aim,
        });
      }
    }
    return figures;
  },
};
