import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { LastDrain, NodeEvent } from "../../../../lambdas/clients/nomad.ts";
import { drainMark } from "../../../../lambdas/retire/drain-mark.ts";
import { judgeCordon } from "../../../../lambdas/watch/rules/judge-cordon.ts";

const execution = "arn:aws:states:eu-west-1:123456789012:execution:drover-default-retire-node:one";
const cordonedAt = "2026-01-05T09:00:00.000Z";
const at = (seconds: number): string =>
  new Date(Date.parse(cordonedAt) + seconds * 1000).toISOString();
/** When the retirement began. */
const since = at(-5);
const event = (Message: string, seconds: number): NodeEvent => ({
  Message,
  Timestamp: at(seconds),
  Details: null,
});
const ineligible = (seconds = 0) => event("Node marked as ineligible for scheduling", seconds);
const eligible = (seconds: number) => event("Node marked as eligible for scheduling", seconds);
const drainSet = (seconds: number) => event("Node drain strategy set", seconds);
const drainComplete = (seconds: number) => event("Node drain complete", seconds);
const lastDrain = (changed: Partial<LastDrain> = {}): LastDrain => ({
  StartedAt: at(10),
  UpdatedAt: at(60),
  Status: "complete",
  Meta: drainMark(execution, "system"),
  ...changed,
});
const strategy = {
  Deadline: 600e9,
  IgnoreSystemJobs: true,
  ForceDeadline: at(600),
  StartedAt: at(10),
};

type Node = Parameters<typeof judgeCordon>[0];
const cordoned: Node = {
  SchedulingEligibility: "ineligible",
  DrainStrategy: null,
  LastDrain: null,
  Events: [event("Node registered", -3600), ineligible()],
  Meta: {},
};
const judge = (
  node: Partial<Node>,
  known: { cordonedAt?: string; isKnown?: boolean } = { cordonedAt },
) =>
  judgeCordon(
    { ...cordoned, ...node },
    { isKnown: true, since, executions: [execution], ...known },
  );

describe("the cordon of a node whose instance stays", () => {
  const cases: readonly [string, Partial<Node>, ReturnType<typeof judge>["cordon"]][] = [
    ["there is none", { SchedulingEligibility: "eligible" }, "none"],
    ["is ours", {}, "ours"],
    ["is ours, by a clock that is seconds behind", { Events: [ineligible(-4)] }, "ours"],
    [
      "is ours, and a heartbeat was missed meanwhile",
      {
        Events: [ineligible(), event("Node heartbeat missed", 90)],
      },
      "ours",
    ],
    [
      "is a drain of ours under way",
      {
        DrainStrategy: strategy,
        LastDrain: lastDrain({ Status: "draining" }),
      },
      "ours",
    ],
    [
      "is what our drain has left",
      {
        LastDrain: lastDrain(),
        Events: [ineligible(), drainSet(10), drainComplete(60)],
      },
      "ours",
    ],
    ["is held by its meta", { Meta: { "drover.hold": "disk is looked at" } }, "theirs"],
    [
      "is a drain of a person under way",
      {
        DrainStrategy: strategy,
        LastDrain: lastDrain({ Status: "draining", Meta: { message: "maintenance" } }),
      },
      "theirs",
    ],
    [
      "is a drain of another execution of ours",
      {
        DrainStrategy: strategy,
        LastDrain: lastDrain({ Status: "draining", Meta: drainMark(`${execution}-two`, "work") }),
      },
      "theirs",
    ],
    [
      "is what a person's drain has left",
      {
        LastDrain: lastDrain({ Meta: null }),
        Events: [ineligible(), drainSet(10), drainComplete(60)],
      },
      "theirs",
    ],
    [
      "is our drain, which a person has cancelled",
      {
        LastDrain: lastDrain({ Status: "canceled" }),
        Events: [ineligible(), drainSet(10), event("Node drain disabled", 30)],
      },
      "theirs",
    ],
    [
      "is a person's since, who had let it work",
      {
        Events: [ineligible(), eligible(30), ineligible(60)],
      },
      "theirs",
    ],
    [
      "is a person's since, who had let it work within the same seconds",
      {
        Events: [ineligible(), eligible(2), ineligible(4)],
      },
      "theirs",
    ],
    [
      "is a person's after our drain",
      {
        LastDrain: lastDrain(),
        Events: [ineligible(), drainSet(10), drainComplete(60), eligible(90), ineligible(95)],
      },
      "theirs",
    ],
    [
      "is older than the ten events that Nomad keeps",
      {
        Events: [event("Node heartbeat missed", 90)],
      },
      "unclear",
    ],
    ["is on a node of which no event is known", { Events: null }, "unclear"],
  ];
  for (const [what, node, expected] of cases)
    test(`${what}: ${expected}`, () => {
      const { cordon, why } = judge(node);
      assert.equal(cordon, expected);
      assert.match(why, /^[A-Z].*\.$/);
    });

  test("is a person's who had made it before the retirement began", () => {
    assert.equal(judge({ Events: [ineligible(-60)] }).cordon, "theirs");
  });

  test("is ours where an earlier execution of the instance drains it", () => {
    const drains: Partial<Node> = {
      DrainStrategy: strategy,
      LastDrain: lastDrain({ Status: "draining", Meta: drainMark("an earlier one", "work") }),
    };
    const executions = [execution, "an earlier one"];
    const known = { cordonedAt, since, isKnown: true };
    assert.equal(judgeCordon({ ...cordoned, ...drains }, { ...known, executions }).cordon, "ours");
    assert.equal(judge(drains).cordon, "theirs");
  });

  test("is a person's where the execution knew that it was not Drover", () => {
    assert.equal(judge({}, {}).cordon, "theirs");
    assert.equal(judge({ DrainStrategy: strategy }, {}).cordon, "theirs");
  });

  test("is unclear where nobody remembers the execution", () => {
    assert.equal(judge({}, { isKnown: false }).cordon, "unclear");
    assert.equal(judge({ DrainStrategy: strategy }, { isKnown: false }).cordon, "unclear");
  });
});

/** What can be done to a node, as Nomad enters it. */
type Deed = "cordon" | "uncordon" | "drain" | "finish" | "cancel";
const deeds = fc.array(
  fc.record({
    by: fc.constantFrom("drover", "person"),
    deed: fc.constantFrom<Deed>("cordon", "uncordon", "drain", "finish", "cancel"),
    after: fc.integer({ min: 1, max: 120 }),
  }),
  { maxLength: 8 },
);

test("whatever was done after our cordon, only what a person has not touched is ours", () => {
  fc.assert(
    fc.property(deeds, (done) => {
      let node: Node = { ...cordoned, Events: [ineligible()] };
      let lastHand = "drover";
      let now = 0;
      const tell = (...events: NodeEvent[]) => [...(node.Events ?? []), ...events].slice(-10);
      for (const { by, deed, after } of done) {
        now += after;
        const Meta = by === "drover" ? drainMark(execution, "work") : { message: "maintenance" };
        const isEligible = node.SchedulingEligibility === "eligible";
        if (deed === "cordon" && isEligible && !node.DrainStrategy) {
          node = { ...node, SchedulingEligibility: "ineligible", Events: tell(ineligible(now)) };
        } else if (deed === "uncordon" && !isEligible && !node.DrainStrategy) {
          node = { ...node, SchedulingEligibility: "eligible", Events: tell(eligible(now)) };
        } else if (deed === "drain" && !node.DrainStrategy) {
          node = {
            ...node,
            SchedulingEligibility: "ineligible",
            DrainStrategy: strategy,
            LastDrain: lastDrain({ Status: "draining", Meta }),
            Events: tell(drainSet(now)),
          };
        } else if (deed === "finish" && node.DrainStrategy && node.LastDrain) {
          node = {
            ...node,
            DrainStrategy: null,
            LastDrain: { ...node.LastDrain, Status: "complete" },
            Events: tell(drainComplete(now)),
          };
          continue;
        } else if (deed === "cancel" && node.DrainStrategy && node.LastDrain) {
          node = {
            ...node,
            DrainStrategy: null,
            LastDrain: { ...node.LastDrain, Status: "canceled", Meta },
            Events: tell(event("Node drain disabled", now)),
          };
        } else continue;
        lastHand = by;
      }
      const { cordon } = judgeCordon(node, {
        cordonedAt,
        since,
        executions: [execution],
        isKnown: true,
      });
      if (cordon === "ours") assert.equal(lastHand, "drover");
      if (cordon === "none") assert.equal(node.SchedulingEligibility, "eligible");
    }),
    { numRuns: 2000 },
  );
});
