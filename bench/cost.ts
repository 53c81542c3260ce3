import type { World } from "../rehearsal/world.ts";
import { allTasks } from "../stepfunctions/tasks.ts";
import type { Benchmark } from "./benchmark.ts";
import { rehearse } from "./retirements.ts";

/** Dollars, by AWS's list prices of autumn 2026 (Lambda on arm64). */
const prices = { transition: 0.025 / 1000, gigabyteSecond: 0.0000133334, request: 0.2 / 1e6 };

const drainSeconds = 1800;

const isTask = (task: string): task is keyof typeof allTasks => task in allTasks;

/**
 * What the calls of functions for an instance cost, its event's and its
 * execution's: whole containers, from their start where they are new.
 */
const priceFunctions = ({ containers }: World, instanceId: string): number =>
  containers.invocations
    .filter(({ subject }) => subject.instanceId === instanceId)
    .reduce((dollars, { task, billedMilliseconds }) => {
      if (!isTask(task)) throw new Error(`nobody knows the memory of ${task}`);
      const gigabyteSeconds = (allTasks[task].memory / 1024) * (billedMilliseconds / 1000);
      return dollars + prices.request + gigabyteSeconds * prices.gigabyteSecond;
    }, 0);

/** State transitions and dollars of a retirement whose drain takes half an hour. */
export const cost: Benchmark = {
  name: "cost",
  run: async (report) => {
    report("a drain of half an hour");
    const { report: found, world } = await rehearse(
      { nodes: 4, terminate: 1, jobs: 40 },
      {
        batchSeconds: [drainSeconds + 10, drainSeconds + 10],
        drainDeadlineSeconds: 2 * drainSeconds,
      },
    );
    const [retired] = found.retired;
    if (!retired) throw new Error("nothing was retired");
    const drained = retired.seconds.drain ?? 0;
    if (drained < drainSeconds * 0.95) throw new Error(`the drain took only ${drained} s`);
    const transitions = retired.transitions * prices.transition;
    const functions = priceFunctions(world, retired.instanceId);
    return [
      { what: "state transitions", value: retired.transitions, unit: "transitions", aim: 25 },
      {
        what: "together, by thousand retirements",
        value: (transitions + functions) * 1000,
        unit: "$",
        against: { what: "its state transitions", value: transitions * 1000 },
        aim: 4,
      },
    ];
  },
};
