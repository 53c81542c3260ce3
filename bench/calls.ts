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

/** Lets one instance of the pool leave alone, so that the next one finds warm containers. */
const retireFirst = async (world: World, nodes: number): Promise<void> => {
  const name = world.stack.groups[0]?.name ?? "";
  world.autoScaling.scaleTo(name, nodes - 1);
  let hasBegun = false;
  while (!hasBegun || isWorking(world)) {
    await world.clock.sleep(1000);
    hasBegun ||= isWorking(world);
  }
};

/** The calls of one retirement with new containers, and of the next one, in a cluster of a size. */
const count = async (nodes: number) => {
  const { report, world } = await rehearse({
    nodes,
    terminate: 2,
    jobs: Math.ceil(nodes * 0.4),
    setUp: (here) => retireFirst(here, nodes),
  });
  const [cold, warm] = report.retired;
  if (!cold || !warm || report.retired.length !== 2) throw new Error("two were to be retired");
  return { cold: countCalls(world, cold.instanceId), warm: countCalls(world, warm.instanceId) };
};

/**
 * The calls of a retirement that waits for nobody, by service. What is on a node
 * decides how many there are; how many nodes there are must not.
 */
export const calls: Benchmark = {
  name: "calls",
  run: async (report) => {
    const figures: Figure[] = [];
    let smallest: { readonly cold: Counts; readonly warm: Counts } | undefined;
    for (const nodes of sizes) {
      report(`${nodes} nodes`);
      const counts = await count(nodes);
      smallest ??= counts;
      for (const kind of ["warm", "cold"] as const) {
        const base = smallest[kind];
        const figure = (what: string, value: number, before: number, most?: number): Figure => ({
          what: `${nodes} nodes, ${kind}: ${what}`,
          value,
          unit: "calls",
          ...(before > 0 && { against: { what: `at ${sizes[0]} nodes`, value: before } }),
          ...(most !== undefined && { aim: most }),
        });
        figures.push(figure("all services", totalOf(counts[kind]), totalOf(base)));
        for (const [service, value] of [...counts[kind]].toSorted(([one], [other]) =>
          one.localeCompare(other),
        ))
          figures.push(figure(service, value, base.get(service) ?? 0, aim));
      }
    }
    return figures;
  },
};
