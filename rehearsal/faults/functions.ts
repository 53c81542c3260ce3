import { LambdaFailure } from "../engine/lambda-failure.ts";
import { allTasks } from "../../stepfunctions/tasks.ts";
import type { Random } from "../random.ts";
import { minute, moment, oneOf, second, span, whole } from "./draw.ts";
import { countCalls, type Fault, type Occurrence, type Scene } from "./fault.ts";
import { strikeCalls } from "./services.ts";

const never = new Promise<never>(() => undefined);

/** The tasks that a scale-in runs through. */
const tasks = Object.keys(allTasks).filter((task) => /^(intake|retire)\//.test(task));

const drawCall = (random: Random) => ({
  at: moment(random, minute),
  calls: { of: oneOf(random, tasks), nth: whole(random, 1, 8), times: oneOf(random, [1, 1, 2]) },
});

const any = () => true;

/** Lambda takes no calls, or a share of them, for a while. */
const refuseCalls = async (
  scene: Scene,
  { calls, lasts = minute, share = 1 }: Occurrence,
  failure: () => LambdaFailure,
): Promise<void> => {
  const { random, refuseCalls: refuse, struck, met, world } = scene;
  const counts = calls && countCalls(calls);
  const takeAgain = refuse(({ task }, subject) => {
    const isStruck = counts
      ? counts({ operation: "Invoke", task, subject })
      : share >= 1 || random() < share;
    if (!isStruck) return undefined;
    met(subject);
    if (counts) struck(subject.state ?? task);
    return failure();
  });
  // Some calls come when they come.
  if (counts) return;
  struck();
  await world.clock.sleep(lasts);
  takeAgain();
};

const drawRefusal = (random: Random) => ({
  at: moment(random),
  lasts: span(random, 5 * second, 8 * minute),
  share: oneOf(random, [0.5, 1]),
});

export const functionFaults: readonly Fault[] = [
  {
    name: "function-dies-before",
    what: "a function ends before a call that it was about to make",
    reach: { of: "calls", to: ["any"] },
    draw: drawCall,
    strike: (scene, occurrence) =>
      strikeCalls(scene, occurrence, any, async ({ container }) => {
        scene.world.containers.kill((each) => each === container);
        return never;
      }),
  },
  {
    name: "function-dies-after",
    what: "a function ends when a call has done its work, before it hears the answer",
    reach: { of: "calls", to: ["any"] },
    draw: drawCall,
    strike: (scene, occurrence) =>
      strikeCalls(scene, occurrence, any, async ({ container }, send) => {
        await send();
        scene.world.containers.kill((each) => each === container);
        return never;
      }),
  },
  {
    name: "function-times-out",
    what: "a function stands still at a call until its time is over",
    reach: { of: "calls", to: ["any"] },
    draw: (random) => ({ ...drawCall(random), how: oneOf(random, ["before", "after"]) }),
    strike: (scene, occurrence) =>
      strikeCalls(scene, occurrence, any, async (_, send) => {
        if (occurrence.how === "after") await send();
        return never;
      }),
  },
  {
    name: "cold-starts",
    what: "all containers are gone, and new ones take up to eight seconds",
    reach: { of: "functions" },
    draw: (random) => ({ at: moment(random), lasts: span(random, 10 * second, 10 * minute) }),
    strike: async ({ world, struck, met, refuseCalls: watchCalls }, { lasts = minute }) => {
      world.containers.kill(({ busy }) => !busy);
      const stopWatching = watchCalls((_, subject) => {
        met(subject);
        return undefined;
      });
      world.containers.setFaults({ coldStart: [1000, 8000], overhead: [100, 900] });
      struck();
      await world.clock.sleep(lasts);
      world.containers.setFaults({ coldStart: [250, 700], overhead: [10, 40] });
      stopWatching();
    },
  },
  {
    name: "lambda-throttles",
    what: "all the concurrency of the account is used by others",
    reach: { of: "functions" },
    draw: drawRefusal,
    strike: (scene, occurrence) => refuseCalls(scene, occurrence, () => LambdaFailure.throttled()),
  },
  {
    name: "lambda-fails",
    what: "Lambda itself answers 500",
    reach: { of: "functions" },
    draw: drawRefusal,
    strike: (scene, occurrence) => refuseCalls(scene, occurrence, () => LambdaFailure.ofService()),
  },
];
