import type { World } from "../rehearsal/world.ts";
import { allTasks } from "../stepfunctions/tasks.ts";
import type { Benchmark } from "./benchmark.ts";
import { rehearse } from "./retirements.ts";

/** Dollars, by AWS's list prices of autumn 2026 (Lambda on arm64). */
const prices = { transition: 0.025 / 1000, gigabyteSecond: 0.0000133334, request: 0.2 / 1e6 };

const drainSeconds = 1800;

const isTask = (task: string): task is keyof typeof allTasks => task in allTasks;

const readTasks = (
  world: World,
  machineArn: string,
): ReadonlyMap<string, keyof typeof allTasks> => {
  const machine = world.stack.stateMachines.find(({ arn }) => arn === machineArn);
  const { States } = JSON.parse(machine?.definition ?? "{}") as {
    readonly States: Readonly<Record<string, unknown>>;
  };
  return new Map(
    Object.entries(States).flatMap(([state, definition]) => {
      const text = JSON.stringify(definition);
      const spec = world.stack.functions.find(({ arn }) => text.includes(`"${arn}"`));
      return spec && isTask(spec.task) ? [[state, spec.task] as const] : [];
    }),
  );
};

/** What the functions of an execution cost: the time in their states, with all that is around a call. */
const priceFunctions = (world: World, executionArn: string): number => {
  const run = world.engine.runs.get(executionArn);
  const machine = world.stepFunctions
    .executions()
    .find((each) => each.executionArn === executionArn)?.stateMachineArn;
  if (!run || machine === undefined) throw new Error(`there is no execution ${executionArn}`);
  const tasks = readTasks(world, machine);
  let dollars = 0;
  let entered = 0;
  for (const { type, state, at } of run.events) {
    const task = tasks.get(state ?? "");
    if (task === undefined) continue;
    if (type === "StateEntered") entered = at;
    if (type === "StateExited") {
      const gigabytes = allTasks[task].memory / 1024;
      dollars += prices.request + ((at - entered) / 1000) * gigabytes * prices.gigabyteSecond;
    }
  }
  return dollars;
};

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
    const [executionArn] = [...world.engine.runs].find(
      ([, { input }]) =>
        (JSON.parse(input) as { instanceId?: string }).instanceId === retired?.instanceId,
    ) ?? [""];
    if (!retired) throw new Error("nothing was retired");
    const drained = retired.seconds.drain ?? 0;
    if (drained < drainSeconds * 0.95) throw new Error(`the drain took only ${drained} s`);
    const transitions = retired.transitions * prices.transition;
    const dollars = transitions + priceFunctions(world, executionArn);
    return [
      { what: "state transitions", value: retired.transitions, unit: "transitions", aim: 25 },
      {
        what: "together, by thousand retirements",
        value: dollars * 1000,
        unit: "$",
        against: { what: "its state transitions", value: transitions * 1000 },
        aim: 4,
      },
    ];
  },
};
