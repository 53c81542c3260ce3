import type { AutoScalingCase } from "../auto-scaling-target.ts";
import { machineType } from "./cloud.ts";
import { runParameters, runTag } from "./marks.ts";

/** What a run is asked for, in the environment. */
export interface Wishes {
  /** Whether AWS may be used, and paid. */
  readonly confirmed: boolean;
  /** Whether slow cases are wanted too. */
  readonly slow: boolean;
  /** A part of the titles that are wanted. */
  readonly only: string | undefined;
  /** Machines at the same time, at most. */
  readonly machines: number;
}

const isYes = (text: string | undefined): boolean => text?.toLowerCase() === "yes";

/** @throws for a number of machines that is none */
export const readWishes = (env: Readonly<Record<string, string | undefined>>): Wishes => {
  const machines = Number(env["MACHINES"] ?? 8);
  if (!Number.isInteger(machines) || machines < 1)
    throw new Error(`MACHINES=${env["MACHINES"]} is no number of machines: take 2 or more`);
  return {
    confirmed: isYes(env["CONFIRM"]),
    slow: isYes(env["SLOW"]),
    only: env["ONLY"],
    machines,
  };
};

export interface Plan {
  readonly cases: readonly AutoScalingCase[];
  readonly leftOut: readonly { readonly title: string; readonly reason: string }[];
  /** Machines that run at the same time, at most. */
  readonly machines: number;
  /** How long it takes, roughly. */
  readonly minutes: number;
  /** In US dollars, rounded up to cents. */
  readonly dollars: number;
}

/**
 * US dollars for an hour of a t4g.nano and its volume of 2 GB, in the dearest
 * region; each machine is paid for a minute at least.
 *
 * Source: Amazon EC2 On-Demand Pricing ($0.0042 to $0.0068), Amazon EBS pricing.
 */
const dollarsPerHour = 0.0068 + 0.0005;

/** For a table, secrets, parameters and buckets: a fraction of what they cost for an hour. */
const dollarsBeside = 0.05;

export const planRun = (
  contract: readonly AutoScalingCase[],
  { slow, only, machines }: Wishes,
): Plan => {
  const reasonAgainst = (each: AutoScalingCase): string | undefined => {
    if (each.emulatedOnly !== undefined) return each.emulatedOnly;
    if (each.machines > machines) return `it needs ${each.machines} machines (MACHINES)`;
    return slow || each.slow === undefined ? undefined : `${each.slow} (SLOW=yes)`;
  };
  const wanted = contract.filter(({ title }) => title.includes(only ?? ""));
  const cases = wanted.filter((each) => reasonAgainst(each) === undefined);
  const machineMinutes = cases.reduce((sum, each) => sum + each.machines * each.minutes, 0);
  return {
    cases,
    leftOut: wanted.flatMap((each) => {
      const reason = reasonAgainst(each);
      return reason === undefined ? [] : [{ title: each.title, reason }];
    }),
    machines: Math.min(
      machines,
      cases.reduce((sum, each) => sum + each.machines, 0),
    ),
    minutes: Math.ceil(
      Math.max(machineMinutes / machines, ...cases.map((each) => each.minutes), 0),
    ),
    dollars: Math.ceil(((machineMinutes / 60) * dollarsPerHour + dollarsBeside) * 100) / 100,
  };
};

/** What a person reads before they agree. */
export const describePlan = (plan: Plan, region: string): readonly string[] => [
  `${plan.cases.length} cases against AWS in ${region}, about ${plan.minutes} minutes.`,
  "It makes a launch template, a rule and a queue for events, a table, some secrets and parameters,",
  "and a group for each case of Auto Scaling in the default VPC, with",
  `up to ${plan.machines} ${machineType} at a time (${plan.machines * 2} vCPUs of the quota), all of them tagged ${runTag},`,
  `and deletes everything. It costs at most $${plan.dollars.toFixed(2)}.`,
  "The credentials must allow autoscaling:*, ec2:RunInstances, ec2:TerminateInstances, ec2:Describe*,",
  "ec2:CreateTags, ec2:CreateLaunchTemplate, ec2:DeleteLaunchTemplate, events:*, sqs:*,",
  "dynamodb:*, secretsmanager:*, ssm:*; where there never was a group, iam:CreateServiceLinkedRole.",
  `Before it begins it deletes whatever has that tag, and the parameters below ${runParameters}:`,
  "one run at a time in a region.",
  ...plan.leftOut.map(({ title, reason }) => `left out: ${title}: ${reason}`),
];
