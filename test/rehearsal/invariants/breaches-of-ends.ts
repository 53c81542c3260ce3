import {
  type Breach,
  action,
  after,
  alsoWritten,
  chronicle,
  end,
  ended,
  execution,
  group,
  minute,
  node,
  staying,
  well,
  write,
} from "./crafted-evidence.ts";

/** What breaks the invariants of how everything ends. */
export const breachesOfEnds: Readonly<Record<string, readonly Breach[]>> = {
  "few-forgotten-at-once": [
    [
      "a run that has purged a dozen nodes",
      { executions: [execution(), execution({ arn: "arn:repair", purged: 12, calls: undefined })] },
      /arn:repair has purged 12 nodes/,
    ],
  ],
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
    [
      "one whose tasks were told to stop, and still had time for it",
      {
        ends: [
          end({
            at: 12 * minute,
            liveTasks: [{ job: "web", task: "main", stopsBy: 12 * minute + 1 }],
          }),
        ],
      },
      /i-gone ended while they were still stopping with 1 live tasks of web/,
    ],
    [
      "one that is drained once more, long after a drain that somebody cancelled",
      {
        instances: [ended({ actions: [action({ startedAt: 30_000 })] }), staying],
        ends: [end({ drainStartedAt: -20 * minute, liveTasks: [{ job: "web", task: "main" }] })],
      },
      /i-gone ended 270 s before its deadline with 1 live tasks of web/,
    ],
    [
      "data that did not reach its replacement",
      chronicle({ emptyStarts: [{ job: "db", from: "i-gone", at: 7 * minute }] }),
      /i-gone ended before the data of db had left it/,
    ],
    [
      "a volume that was still in use",
      { ends: [end({ claims: ["default/data"] })] },
      /i-gone ended before default\/data had left it/,
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
      "a hook that was held to its limit for a node that Nomad never knew",
      {
        instances: [ended({ actions: [action({ limitAt: 8 * minute })] })],
        ...chronicle({ writes: [write("purge", { accessor: "a person" })], drains: [] }),
      },
      /i-gone: the hook was held to its limit, and Nomad never knew its node/,
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
    [
      "a node that is not down, although a volume named it",
      {
        ends: [end({ at: 12 * minute, claims: ["default/data"] })],
        ...after({ nodes: [...well.cluster.after.nodes, node("i-gone")] }),
      },
      /Nomad still has the node of i-gone \(ready\)/,
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
    [
      "a claim that nobody can release any more",
      after({ pinned: ["default/data"] }),
      /default\/data is claimed for ever/,
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
      "somebody else's hook that ended because we abandoned ours",
      {
        instances: [
          ended({
            actions: [
              action({
                outcome: { result: "ABANDON", how: "completed", by: "DROVER", at: 5 * minute },
              }),
              action({
                hook: "ship-logs",
                heartbeats: 0,
                outcome: { result: "ABANDON", how: "cancelled", at: 5 * minute },
              }),
            ],
          }),
        ],
      },
      /the hook ship-logs of i-gone was cut short/,
    ],
    [
      "a hook of ours by name, on an instance that is somebody else's",
      { foreignInstances: [ended({ id: "i-theirs", group: "theirs" })] },
      /the hook drover-default\/retire of i-theirs was completed by Drover/,
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
    [
      "a cordon of somebody else's node that was lifted again",
      alsoWritten(write("eligibility", { instanceId: "theirs" })),
      /the node of theirs got a change of its eligibility by Drover/,
    ],
  ],
};
