import type { AutoScalingClient } from "@aws-sdk/client-auto-scaling";

import type { Clock } from "../../../lambdas/runtime/clock.ts";
import type { BusEvent } from "../../../rehearsal/emulators/event-bridge/bus.ts";
import { type AutoScalingCase, type AutoScalingTarget, groupOf } from "../auto-scaling-target.ts";
import { cleanUp, type CleanUpTools, deleteGroup } from "./clean-up.ts";
import { type Cloud, machineType } from "./cloud.ts";
import { groupPrefix, runTag } from "./marks.ts";
import { describePlan, planRun, readWishes } from "./plan.ts";

export interface RunOptions {
  readonly contract: readonly AutoScalingCase[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly region: string;
  readonly autoScaling: AutoScalingClient;
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly print: (line: string) => void;
  /** Names this run; lower-case letters, digits and dashes. */
  readonly run: string;
  /** Ends the cases early; what was made is deleted all the same. */
  readonly signal?: AbortSignal;
}

/** Exit codes of the command. */
export const exit = { held: 0, differs: 1, notStarted: 2, leftSomething: 3 } as const;

/**
 * Runs cases, each as soon as there are machines enough for it.
 *
 * @param run - never rejects
 */
export const runWeighted = async <Item extends { readonly machines: number }>(
  items: readonly Item[],
  machines: number,
  run: (item: Item) => Promise<void>,
): Promise<void> => {
  const waiting = [...items];
  const running = new Set<Promise<void>>();
  let free = machines;
  while (waiting.length > 0 || running.size > 0) {
    const index = waiting.findIndex((item) => item.machines <= free);
    const [item] = index < 0 ? [] : waiting.splice(index, 1);
    if (item === undefined) {
      if (running.size === 0) throw new Error("a case needs more machines than there may be");
      await Promise.race(running);
      continue;
    }
    free -= item.machines;
    const work = run(item).finally(() => {
      free += item.machines;
      running.delete(work);
    });
    running.add(work);
  }
};

const createTarget = (
  { autoScaling, cloud, clock, run, signal }: RunOptions,
  launchTemplate: string,
  subnets: readonly string[],
  names: { readonly new: () => string },
  events: BusEvent[],
): AutoScalingTarget => ({
  client: autoScaling,
  patience: 3,
  interval: 5,
  launchTemplate: { LaunchTemplateId: launchTemplate, Version: "1" },
  subnets,
  tags: [{ Key: runTag, Value: run, PropagateAtLaunch: true }],
  newName: names.new,
  powerOff: (instanceId) => cloud.terminateMachines([instanceId]),
  hasPower: (instanceId) => cloud.hasPower(instanceId),
  async events(group) {
    events.push(...(await cloud.channel.receive()));
    return events.filter(({ detail }) => groupOf(detail) === group);
  },
  seconds: () => clock.now() / 1000,
  pause: (seconds) => clock.sleep(seconds * 1000, signal),
});

/** Runs the cases of a plan; gives the titles of those that did not hold. */
const runCases = async (
  options: RunOptions,
  cases: readonly AutoScalingCase[],
  machines: number,
): Promise<readonly string[]> => {
  const { autoScaling, cloud, clock, print, run, signal } = options;
  const subnets = await cloud.findSubnets();
  if (subnets.length < 2)
    throw new Error(
      `the default VPC in ${options.region} has ${subnets.length} default subnets in zones with ${machineType}, two are needed: aws ec2 create-default-vpc`,
    );
  const launchTemplate = await cloud.makeLaunchTemplate(`${groupPrefix}${run}`, run);
  await cloud.channel.open(run);
  const events: BusEvent[] = [];
  const failed: string[] = [];
  let serial = 0;
  await runWeighted(cases, machines, async (each) => {
    if (signal?.aborted) return;
    const made: string[] = [];
    const target = createTarget(
      options,
      launchTemplate,
      subnets,
      {
        new: () => {
          serial += 1;
          const name = `${groupPrefix}${run}-${serial}`;
          made.push(name);
          return name;
        },
      },
      events,
    );
    const began = clock.now();
    try {
      await each.run(target);
      print(`holds (${Math.round((clock.now() - began) / 1000)} s): ${each.title}`);
    } catch (error) {
      if (signal?.aborted) return;
      failed.push(each.title);
      const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      print(
        `DIFFERS: ${each.title}\n  ${why.replaceAll("\n", "\n  ")}\n  believed from: ${each.source}`,
      );
    } finally {
      // Whatever this leaves over, the clean-up at the end takes.
      for (const name of made) await deleteGroup(autoScaling, name).catch(() => undefined);
    }
  });
  return failed;
};

const cleanUpAndSay = async (tools: CleanUpTools): Promise<boolean> => {
  const left = await cleanUp(tools);
  if (left.length === 0) return true;
  tools.print(`STILL THERE, delete it by hand: ${left.join(", ")} (everything tagged ${runTag})`);
  return false;
};

/**
 * Holds the contract of Auto Scaling against an account: says what it will do,
 * does it only when it may, and deletes everything whatever happens.
 *
 * @returns the exit code
 */
export const runContract = async (options: RunOptions): Promise<number> => {
  const { contract, env, region, cloud, print, signal } = options;
  const wishes = readWishes(env);
  const plan = planRun(contract, wishes);
  for (const line of describePlan(plan, region)) print(line);
  if (plan.cases.length === 0) {
    print("There is nothing to run.");
    return exit.notStarted;
  }
  if (!wishes.confirmed) {
    print("Nothing was made. If that is what you want: make contract-aws CONFIRM=yes");
    return exit.notStarted;
  }
  try {
    print(`As ${await cloud.whoAmI()}.`);
  } catch (error) {
    print(`There are no credentials for AWS (${String(error)}): set AWS_PROFILE, or log in.`);
    return exit.notStarted;
  }
  if (!(await cleanUpAndSay(options))) return exit.leftSomething;
  let failed: readonly string[] = [];
  let trouble = false;
  try {
    failed = await runCases(options, plan.cases, wishes.machines);
  } catch (error) {
    trouble = true;
    print(String(error));
  }
  print("Deleting everything.");
  const isClean = await cleanUpAndSay(options);
  const outcome = trouble
    ? "no case has run"
    : signal?.aborted
      ? "interrupted"
      : `${failed.length} of ${plan.cases.length} differ`;
  print(`${outcome}; ${isClean ? "everything was deleted" : "NOT everything was deleted"}.`);
  if (!isClean) return exit.leftSomething;
  if (trouble) return exit.notStarted;
  return failed.length > 0 || signal?.aborted ? exit.differs : exit.held;
};
