import type { Schedule } from "../../rehearsal/faults/fault.ts";

/** A trial that broke an invariant once. */
export interface Regression {
  readonly name: string;
  /** What it showed, and what was done about it. */
  readonly showed: string;
  readonly seed: number;
  /** As it was, or the shortest that still showed it: what a seed draws changes with the catalogue. */
  readonly schedule: Schedule;
}

/** Every one that there has been. None is taken away. */
export const regressions: readonly Regression[] = [
  {
    name: "intake finds no table at any of its three attempts",
    showed:
      "The event was a dead letter, and its hook ran out: nobody came back to it. The reconciler does.",
    seed: 112,
    schedule: [{ fault: "dynamodb-throttles", at: 5_000, lasts: 206_775, share: 1 }],
  },
  {
    name: "intake dies, and then finds no table twice",
    showed:
      "As above, by faults of three kinds one after the other, each of which it would have lived through.",
    seed: 102,
    schedule: [
      {
        fault: "function-times-out",
        at: 400,
        calls: { of: "intake/intake", nth: 5, times: 2 },
        how: "before",
      },
      { fault: "dynamodb-fails", at: 34_200, calls: { of: "UpdateItem", nth: 2, times: 5 } },
      { fault: "dynamodb-fails", at: 189_500, lasts: 48_900, share: 1 },
    ],
  },
  {
    name: "the power is cut of a node that a person drains later",
    showed: "The invariant took the system jobs of a machine without power for jobs that run.",
    seed: 1405,
    schedule: [
      { fault: "power-cut", at: 2_500, instance: 1 },
      { fault: "cold-starts", at: 98_000, lasts: 370_400 },
      { fault: "consul-fails", at: 195_900, lasts: 15_500, share: 1 },
      { fault: "person-drains", at: 213_100, instance: 1, how: "without system jobs" },
      { fault: "ssm-fails", at: 273_600, lasts: 301_000, share: 1 },
      { fault: "cold-starts", at: 279_500, lasts: 71_000 },
    ],
  },
  {
    name: "a person drains a node while a slow Nomad is asked to",
    showed:
      "The person's drain came between our look at the node and our own: Nomad takes no index to compare with, so nobody can know.",
    seed: 2312,
    schedule: [
      { fault: "lambda-fails", at: 51_600, lasts: 93_300, share: 0.5 },
      { fault: "nomad-slow", at: 123_200, lasts: 171_900, share: 0.5 },
      { fault: "person-drains", at: 219_500, instance: 3, how: "with a deadline" },
    ],
  },
  {
    name: "an event is lost, and a person completes the hook",
    showed:
      "Nothing has ever heard of the instance, and nothing shows that it was there: the fault says so beforehand.",
    seed: 2408,
    schedule: [
      { fault: "lost-events", at: 0, lasts: 166_200, share: 1 },
      { fault: "person-completes-hook", at: 50_500, instance: 2 },
      { fault: "person-uncordons", at: 82_700, instance: 2 },
      { fault: "person-completes-hook", at: 247_500, instance: 3 },
    ],
  },
  {
    name: "a round of a drain stands still twice",
    showed:
      "It was tried again in its place, without a heartbeat in between: the hook ran out. It gets one first now.",
    seed: 20_217,
    schedule: [
      {
        fault: "function-times-out",
        at: 38_100,
        calls: { of: "retire/drain-node", nth: 7, times: 2 },
        how: "after",
      },
    ],
  },
  {
    name: "an execution is stopped while its node drains, and the next node waits for its slot",
    showed:
      "The reconciler freed the slot of the dead execution, whose drain went on: two nodes drained at once, and a service fell short. Such a drain is counted now.",
    seed: 2828,
    schedule: [{ fault: "execution-stopped", at: 25_100, instance: 3 }],
  },
  {
    name: "the same with another service",
    showed: "As above: the drain that a dead execution has left takes a slot of the cluster.",
    seed: 8425,
    schedule: [{ fault: "execution-stopped", at: 17_200, instance: 1 }],
  },
  {
    name: "an execution is stopped while Nomad is busy",
    showed:
      "As above, and no service fell short: what showed it is that no more nodes drain than there are slots.",
    seed: 49,
    schedule: [
      { fault: "nomad-busy", at: 29_500, lasts: 172_650, share: 1 },
      { fault: "execution-stopped", at: 174_700, instance: 1 },
    ],
  },
  {
    name: "the power is cut of a node that a person drains",
    showed:
      "The invariant took the drain of a machine without power for one that others have to wait for: its work moves by itself.",
    seed: 7113,
    schedule: [
      { fault: "person-drains", at: 19_800, instance: 0, how: "with a deadline" },
      { fault: "power-cut", at: 100_100, instance: 0 },
    ],
  },
  {
    name: "the power is cut of a node that drains, after an outage",
    showed: "As above, with a drain of Drover's.",
    seed: 78,
    schedule: [
      { fault: "nomad-leaderless", at: 46_700, lasts: 199_000 },
      { fault: "power-cut", at: 217_600, instance: 0 },
    ],
  },
];
