import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type {
  ActionFact,
  Evidence,
  GroupFact,
  InstanceFact,
} from "../../../rehearsal/invariants/evidence.ts";
import { invariants, judge } from "../../../rehearsal/invariants/invariants.ts";
import type { MachineEnd, NodeTruth } from "../../../rehearsal/world/park.ts";

const hook = "drover-default/retire";
const minute = 60_000;

const action = (changed: Partial<ActionFact> = {}): ActionFact => ({
  hook,
  startedAt: 0,
  limitAt: 2880 * minute,
  heartbeats: 3,
  outcome: { result: "CONTINUE", how: "completed", by: "DROVER", at: 5 * minute },
  ...changed,
});

const ended = (changed: Partial<InstanceFact> = {}): InstanceFact => ({
  id: "i-gone",
  group: "workers",
  state: "Terminated",
  actions: [action()],
  ...changed,
});

const staying: InstanceFact = { id: "i-here", group: "workers", state: "InService", actions: [] };

const node = (name: string, changed: Partial<NodeTruth> = {}): NodeTruth => ({
  id: `id-of-${name}`,
  name,
  status: "ready",
  eligible: true,
  draining: false,
  lastDrain: null,
  ...changed,
});

const end = (changed: Partial<MachineEnd> = {}): MachineEnd => ({
  instanceId: "i-gone",
  at: 6 * minute,
  drain: "clean",
  drainStartedAt: minute,
  liveTasks: [],
  ...changed,
});

const group = (name: string, changed: Partial<GroupFact> = {}): GroupFact => ({
  name,
  sizes: "1 to 3",
  tags: "[]",
  hooks: "[]",
  suspended: [],
  ...changed,
});

const servers = ["consul server-1 1", "nomad leader 10.0.0.1:4647", "nomad server-1.global alive"];

/** A world in which everything went as it has to. */
const well: Evidence = {
  hook,
  accessKey: "DROVER",
  drainDeadlineSeconds: 600,
  instances: [ended(), staying],
  foreignInstances: [
    {
      id: "i-theirs",
      group: "theirs",
      state: "Terminating:Wait",
      actions: [action({ hook: "their-hook", outcome: undefined, heartbeats: 0 })],
    },
  ],
  groups: [group("workers")],
  foreignGroups: { before: [group("theirs")], after: [group("theirs")] },
  ends: [end()],
  cluster: {
    before: {
      nodes: [node("i-gone"), node("i-here"), node("theirs")],
      members: ["i-gone", "i-here", "theirs", "server-1"],
      servers,
    },
    after: {
      nodes: [node("i-here"), node("theirs")],
      members: ["i-here", "theirs", "server-1"],
      servers,
    },
  },
  records: [{ pk: "instance#i-gone", ownership: { phase: "retired", left: [] } }],
  running: [],
  excuses: [],
};

const after = (changed: Partial<Evidence["cluster"]["after"]>): Partial<Evidence> => ({
  cluster: { ...well.cluster, after: { ...well.cluster.after, ...changed } },
});

test("a world in which all went well breaks none", () => {
  assert.deepEqual(
    judge(well),
    invariants.map(({ name }) => ({ name, held: true, violations: [] })),
  );
});

/** What breaks each, alone: the sentence that tells it. */
const breaches: Readonly<
  Record<string, readonly (readonly [string, Partial<Evidence>, RegExp])[]>
> = {
  "no-live-work-lost": [
    [
      "a machine that ends with live tasks before the deadline of its drain",
      {
        ends: [
          end({
            liveTasks: [
              { job: "web", task: "main" },
              { job: "web", task: "log" },
            ],
          }),
        ],
      },
      /i-gone ended 300 s before its deadline with 2 live tasks of web/,
    ],
    [
      "one that was never drained, before its hook had to be decided",
      {
        ends: [
          end({
            drain: "none",
            drainStartedAt: undefined,
            liveTasks: [{ job: "web", task: "main" }],
          }),
        ],
      },
      /with 1 live tasks of web/,
    ],
  ],
  "every-hook-decided": [
    [
      "a hook that ran out",
      {
        instances: [
          ended({ actions: [action({ outcome: { result: "CONTINUE", how: "expired", at: 1 } })] }),
        ],
      },
      /i-gone: nobody decided the hook: its time ran out/,
    ],
    [
      "a hook at its global limit",
      {
        instances: [
          ended({ actions: [action({ outcome: { result: "CONTINUE", how: "limit", at: 1 } })] }),
        ],
      },
      /its global limit came/,
    ],
    [
      "a hook that waits still",
      {
        instances: [
          ended({ state: "Terminating:Wait", actions: [action({ outcome: undefined })] }),
        ],
        ends: [],
      },
      /i-gone: the hook still waits/,
    ],
    [
      "a hook that a person had to complete",
      {
        instances: [
          ended({
            actions: [
              action({ outcome: { result: "CONTINUE", how: "completed", by: "PERSON", at: 1 } }),
            ],
          }),
        ],
      },
      /somebody else completed the hook/,
    ],
    [
      "a hook that another hook's decision cancelled",
      {
        instances: [
          ended({ actions: [action({ outcome: { result: "ABANDON", how: "cancelled", at: 1 } })] }),
        ],
      },
      /went another way/,
    ],
  ],
  "nobody-remembered": [
    [
      "a node that Nomad still has",
      after({ nodes: [...well.cluster.after.nodes, node("i-gone", { status: "down" })] }),
      /Nomad still has the node of i-gone \(down\)/,
    ],
    [
      "a member that Consul still has",
      after({ members: [...well.cluster.after.members, "i-gone"] }),
      /Consul still has the member i-gone/,
    ],
  ],
  "nothing-left-taken": [
    ["an execution that runs", { running: ["arn:one"] }, /arn:one still runs/],
    [
      "an ownership that was not ended",
      { records: [{ pk: "instance#i-gone", ownership: { phase: "retiring" } }] },
      /instance#i-gone is still owned/,
    ],
    [
      "what a failed retirement left",
      {
        records: [{ pk: "instance#i-gone", ownership: { phase: "failed", left: ["the cordon"] } }],
      },
      /the cordon was not given back/,
    ],
    [
      "a slot",
      { records: [{ pk: "slot#pool#workers#0", holder: "arn:one", until: 1 }] },
      /slot#pool#workers#0 is still held by arn:one/,
    ],
    [
      "a cordon on a node that stays",
      after({ nodes: [node("i-here", { eligible: false }), node("theirs")] }),
      /the node of i-here is still cordoned/,
    ],
    [
      "a drain of a node that stays",
      after({ nodes: [node("i-here", { draining: true }), node("theirs")] }),
      /the node of i-here still drains/,
    ],
    [
      "a suspended process",
      { groups: [group("workers", { suspended: ["AZRebalance"] })] },
      /AZRebalance of workers is still suspended/,
    ],
  ],
  "nothing-foreign-touched": [
    [
      "a cordon on somebody else's node",
      after({ nodes: [node("i-here"), node("theirs", { eligible: false })] }),
      /the node theirs was .* and is/,
    ],
    ["a purge of somebody else's node", after({ nodes: [node("i-here")] }), /the node theirs was/],
    [
      "a member of somebody else's that was removed",
      after({ members: ["i-here", "server-1"] }),
      /Consul has lost the member theirs/,
    ],
    [
      "somebody else's hook that we completed",
      {
        foreignInstances: [
          {
            id: "i-theirs",
            group: "theirs",
            state: "Terminated",
            actions: [action({ hook: "their-hook", heartbeats: 0 })],
          },
        ],
      },
      /the hook their-hook of i-theirs was completed by Drover/,
    ],
    [
      "somebody else's hook on our own instance that we kept alive",
      {
        instances: [
          ended({
            actions: [action(), action({ hook: "ship-logs", heartbeats: 1, outcome: undefined })],
          }),
        ],
      },
      /the hook ship-logs of i-gone got a heartbeat/,
    ],
    [
      "somebody else's group with other tags",
      {
        foreignGroups: {
          before: [group("theirs")],
          after: [group("theirs", { tags: '["drover"]' })],
        },
      },
      /the tags of the group theirs were "\[\]" and are/,
    ],
    [
      "somebody else's group with a suspended process",
      {
        foreignGroups: {
          before: [group("theirs")],
          after: [group("theirs", { suspended: ["Launch"] })],
        },
      },
      /the suspended processes of the group theirs were "" and are "Launch"/,
    ],
    [
      "somebody else's group that is gone",
      { foreignGroups: { before: [group("theirs")], after: [] } },
      /theirs is gone/,
    ],
  ],
  "servers-untouched": [
    [
      "a server that has failed",
      after({ servers: servers.map((server) => server.replace("alive", "failed")) }),
      /no longer so: nomad server-1.global alive/,
    ],
    [
      "another leader",
      after({ servers: servers.map((server) => server.replace("10.0.0.1", "10.0.0.2")) }),
      /not so before: nomad leader 10.0.0.2:4647/,
    ],
  ],
};

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
