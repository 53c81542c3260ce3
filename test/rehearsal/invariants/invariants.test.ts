import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Evidence } from "../../../rehearsal/invariants/evidence.ts";
import { invariants, judge } from "../../../rehearsal/invariants/invariants.ts";
import { breachesOfEnds } from "./breaches-of-ends.ts";
import { breachesOfWays } from "./breaches-of-ways.ts";
import {
  action,
  after,
  alsoWritten,
  chronicle,
  drain,
  drained,
  end,
  ended,
  execution,
  minute,
  node,
  second,
  shortage,
  sight,
  staying,
  well,
  write,
} from "./crafted-evidence.ts";

const breaches = { ...breachesOfEnds, ...breachesOfWays };

test("a world in which all went well breaks none", () => {
  assert.deepEqual(
    judge(well),
    invariants.map(({ name }) => ({ name, held: true, violations: [] })),
  );
});

for (const { name } of invariants) {
  describe(name, () => {
    const cases = breaches[name] ?? [];
    test("is known to be breakable", () => assert.ok(cases.length > 0));
    for (const [what, changed, sentence] of cases) {
      test(`is broken by ${what}, and no other is`, () => {
        const broken = judge({ ...well, ...changed }).filter(({ held }) => !held);
        assert.deepEqual(
          broken.map((verdict) => verdict.name),
          [name],
        );
        assert.match(broken[0]?.violations.join("\n") ?? "", sentence);
      });
    }
  });
}

describe("what is not a breach", () => {
  const fine: readonly (readonly [string, Partial<Evidence>])[] = [
    [
      "a machine that died by itself, while its hook was undecided",
      { ends: [end({ at: 4 * minute, liveTasks: [{ job: "web", task: "main" }] })] },
    ],
    [
      "work that was cut off after its deadline",
      {
        ends: [
          end({
            at: 11 * minute + 1,
            drain: "forced",
            liveTasks: [{ job: "batch", task: "main" }],
          }),
        ],
      },
    ],
    [
      "a node that a person had cordoned before",
      {
        cluster: {
          before: {
            ...well.cluster.before,
            nodes: [node("i-here", { eligible: false }), node("theirs")],
          },
          after: {
            ...well.cluster.after,
            nodes: [node("i-here", { eligible: false }), node("theirs")],
          },
        },
      },
    ],
    [
      "a service short of what two drains took, where a hook lived no longer",
      {
        instances: [
          ended(),
          ended({ id: "i-second", actions: [action({ limitAt: 14 * minute })] }),
          staying,
        ],
        ...chronicle({ shortages: [shortage] }),
      },
    ],
    [
      "one short of what a person's drain took",
      {
        instances: [ended(), second, staying],
        ...chronicle({
          shortages: [
            { ...shortage, drains: [drain(), drain({ instanceId: "i-here", accessor: "ops" })] },
          ],
        }),
      },
    ],
    [
      "a person's drain that was shortened, since the instance leaves before",
      alsoWritten(
        write("drain", {
          before: drained("ops", null, true),
          after: drained("drover", 11 * minute, true),
        }),
      ),
    ],
    [
      "the drain of the system jobs that a person's left out",
      alsoWritten(
        write("drain", {
          before: drained("ops", 5 * minute, true),
          after: drained("drover", 11 * minute),
        }),
      ),
    ],
    [
      "a person's drain that came between our look at the node and our drain",
      alsoWritten(
        write("drain", { at: 2 * minute, accessor: "ops", after: drained("ops", 5 * minute) }),
        write("drain", {
          at: 2 * minute + 20_000,
          before: drained("ops", 5 * minute),
          after: drained("drover", 11 * minute),
        }),
      ),
    ],
    [
      "our own cordon that we lift",
      chronicle({
        writes: [
          write("eligibility", { after: sight({ eligible: false }) }),
          write("eligibility", { before: sight({ eligible: false }) }),
        ],
      }),
    ],
    [
      "a node that a person retires by hand",
      {
        instances: [ended({ actions: [action({ startedAt: 2 * minute })] }), staying],
        executions: [execution({ byHand: true })],
      },
    ],
    [
      "a drain beside a person's where the slots are enough",
      {
        clusterSlots: 2,
        ...chronicle({
          keepsMaxParallel: true,
          drains: [drain({ instanceId: "i-here", accessor: "ops", startedAt: -minute }), drain()],
        }),
      },
    ],
    [
      "a second drain of Drover's whose hook lived no longer",
      {
        instances: [
          ended(),
          ended({ id: "i-second", actions: [action({ limitAt: 14 * minute })] }),
          staying,
        ],
        ...chronicle({
          drains: [drain(), drain({ instanceId: "i-second", startedAt: 2 * minute })],
        }),
      },
    ],
    [
      "a drain that gives the work as long as its hook lives",
      {
        instances: [ended({ actions: [action({ limitAt: 14 * minute })] }), staying],
        ...chronicle({
          writes: [write("drain", { after: drained("drover", 3 * minute, true) })],
        }),
      },
    ],
    [
      "a machine that a person retired by hand, and whose hook came last",
      {
        instances: [
          ended({
            actions: [
              action({
                startedAt: 14 * minute,
                outcome: { result: "CONTINUE", how: "completed", by: "DROVER", at: 14.5 * minute },
              }),
            ],
          }),
          staying,
        ],
        executions: [execution({ byHand: true })],
        ends: [end({ at: 14.7 * minute, liveTasks: [{ job: "web", task: "main" }] })],
      },
    ],
    [
      "a node that was left to Nomad, since a volume named it",
      {
        ends: [end({ at: 12 * minute, claims: ["default/data"] })],
        ...after({ nodes: [...well.cluster.after.nodes, node("i-gone", { status: "down" })] }),
      },
    ],
    [
      "a node that a person cordoned meanwhile",
      {
        ...alsoWritten(
          write("eligibility", {
            instanceId: "i-here",
            accessor: "ops",
            after: sight({ eligible: false }),
          }),
        ),
        ...after({ nodes: [node("i-here", { eligible: false }), node("theirs")] }),
      },
    ],
    [
      "a drain of the system jobs past the time that the others had",
      alsoWritten(
        write("drain", {
          at: 11 * minute,
          before: sight({ work: 2 }),
          after: drained("drover", 12 * minute),
        }),
      ),
    ],
    [
      "a drain of the system jobs of a machine that is down",
      alsoWritten(
        write("drain", {
          at: 2 * minute,
          before: sight({ work: 2, status: "down" }),
          after: drained("drover", 3 * minute),
        }),
      ),
    ],
    [
      "an execution that begins when the other has ended",
      {
        executions: [
          execution(),
          execution({ arn: "arn:two", calls: { first: 8 * minute, last: 9 * minute } }),
        ],
      },
    ],
    [
      "a duplicate that was refused before it did anything",
      { executions: [execution(), execution({ arn: "arn:two", calls: undefined })] },
    ],
    [
      "somebody else's own completion of their hook",
      {
        foreignInstances: [
          {
            id: "i-theirs",
            group: "theirs",
            state: "Terminated",
            actions: [
              action({
                hook: "their-hook",
                heartbeats: 0,
                outcome: { result: "CONTINUE", how: "completed", by: "THEM", at: 1 },
              }),
            ],
          },
        ],
      },
    ],
  ];
  for (const [what, changed] of fine)
    test(what, () => {
      const broken = judge({ ...well, ...changed }).filter(({ held }) => !held);
      assert.deepEqual(broken, []);
    });
});

describe("an excuse", () => {
  const expired: Partial<Evidence> = {
    instances: [
      ended({ actions: [action({ outcome: { result: "CONTINUE", how: "expired", at: 1 } })] }),
    ],
  };
  const excuse = { invariant: "every-hook-decided", instanceId: "i-gone", why: "no AWS that day" };
  const verdictOf = (changed: Partial<Evidence>) =>
    judge({ ...well, ...expired, ...changed }).find(({ name }) => name === "every-hook-decided");

  test("makes a report of a violation", () => {
    assert.deepEqual(verdictOf({ excuses: [excuse] }), {
      name: "every-hook-decided",
      held: true,
      violations: [],
      reported: ["i-gone: nobody decided the hook: its time ran out (excused: no AWS that day)"],
    });
  });

  test("excuses neither another instance nor another invariant", () => {
    for (const other of [
      { ...excuse, instanceId: "i-here" },
      { ...excuse, invariant: "nobody-remembered" },
    ])
      assert.equal(verdictOf({ excuses: [other] })?.held, false);
  });
});
