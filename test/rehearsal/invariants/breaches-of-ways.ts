import {
  type Breach,
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
  second,
  servers,
  shortage,
  sight,
  staying,
  write,
} from "./crafted-evidence.ts";

/** What breaks the invariants of the way there. */
export const breachesOfWays: Readonly<Record<string, readonly Breach[]>> = {
  "no-job-starved-by-two-drains": [
    [
      "a service that two drains of Drover's left with nothing",
      { instances: [ended(), second, staying], ...chronicle({ shortages: [shortage] }) },
      /web had 0 of 2 left, at least 1 .* i-gone and i-second drained/,
    ],
  ],
  "slots-kept": [
    [
      "a drain of Drover's beside another one, where one slot is all there is",
      {
        instances: [ended(), second, staying],
        ...chronicle({
          drains: [drain(), drain({ instanceId: "i-second", startedAt: 2 * minute })],
        }),
      },
      /i-second began to drain while Drover drained i-gone/,
    ],
    [
      "one too many for the slots of a Nomad that drains several well",
      {
        clusterSlots: 2,
        instances: [ended(), second, ended({ id: "i-third" }), staying],
        ...chronicle({
          keepsMaxParallel: true,
          drains: [
            drain(),
            drain({ instanceId: "i-second", startedAt: 2 * minute }),
            drain({ instanceId: "i-third", startedAt: 3 * minute }),
          ],
        }),
      },
      /i-third began to drain while Drover drained i-gone and i-second/,
    ],
  ],
  "person-respected": [
    [
      "a hook that Drover completed although a person holds the instance",
      { instances: [ended({ held: true }), staying], ...chronicle({ writes: [], drains: [] }) },
      /i-gone is held by its tag and was let go/,
    ],
    [
      "a hook that Drover kept alive although a person holds the instance",
      {
        instances: [
          ended({
            held: true,
            actions: [
              action({ outcome: { result: "CONTINUE", how: "completed", by: "DROVER", at: 1 } }),
            ],
          }),
          staying,
        ],
        ...chronicle({ writes: [], drains: [] }),
      },
      /i-gone is held by its tag and its hook got a heartbeat/,
    ],
    [
      "a write to a node whose instance stays",
      alsoWritten(write("eligibility", { instanceId: "i-here" })),
      /i-here stays and got a change of its eligibility/,
    ],
    [
      "a write before the instance began to leave",
      {
        instances: [ended({ actions: [action({ startedAt: 2 * minute })] }), staying],
      },
      /i-gone stays and got a drain/,
    ],
    [
      "a write to a node that a person holds",
      { instances: [ended({ held: true }), staying] },
      /i-gone is held by its tag and got a drain/,
    ],
    [
      "a write to a node of a pool that is observe-only",
      { observeOnly: true },
      /the pool is observe-only and i-gone got a drain/,
    ],
    [
      "a group that got smaller than people asked for",
      { desired: { asked: 2, is: 1 } },
      /the group is to have 1 instances, and people asked for 2/,
    ],
    [
      "a person's drain that was cancelled",
      alsoWritten(
        write("drain", {
          before: drained("ops", 10 * minute),
          after: sight({ eligible: false }),
        }),
      ),
      /the drain of a person on i-gone was cancelled/,
    ],
    [
      "a person's drain that ends in time and was begun anew",
      alsoWritten(
        write("drain", {
          before: drained("ops", 5 * minute),
          after: drained("drover", 11 * minute),
        }),
      ),
      /the drain of a person on i-gone was begun anew/,
    ],
    [
      "one that was begun anew half a minute later",
      alsoWritten(
        write("drain", { at: 2 * minute, accessor: "ops", after: drained("ops", 5 * minute) }),
        write("drain", {
          at: 2.5 * minute,
          before: drained("ops", 5 * minute),
          after: drained("drover", 11 * minute),
        }),
      ),
      /the drain of a person on i-gone was begun anew/,
    ],
    [
      "a person's cordon that was lifted",
      alsoWritten(
        write("eligibility", { accessor: "ops", after: sight({ eligible: false }) }),
        write("eligibility", { before: sight({ eligible: false }) }),
      ),
      /the cordon of a person on i-gone was lifted/,
    ],
    [
      "a person's cordon of what Drover had cordoned already",
      alsoWritten(
        write("eligibility", {
          accessor: "ops",
          before: sight({ eligible: false }),
          after: sight({ eligible: false }),
        }),
        write("eligibility", { before: sight({ eligible: false }) }),
      ),
      /the cordon of a person on i-gone was lifted/,
    ],
    [
      "a cordon lifted that was there before",
      chronicle({ writes: [write("eligibility", { before: sight({ eligible: false }) })] }),
      /the cordon of a person on i-gone was lifted/,
    ],
    [
      "a drain beside that of a person",
      chronicle({
        drains: [
          drain({ instanceId: "i-here", accessor: "ops", startedAt: -minute, endedAt: 3 * minute }),
          drain(),
        ],
      }),
      /i-gone began to drain while a person drained i-here/,
    ],
    [
      "a drain that began while Drover was stopped",
      { stops: [{ from: -minute, until: 2 * minute }] },
      /i-gone began to drain while Drover was stopped/,
    ],
    [
      "a hook that was completed while Drover was stopped",
      { stops: [{ from: 2 * minute }] },
      /i-gone was let go while Drover was stopped/,
    ],
  ],
  "deadlines-kept": [
    [
      "a drain without a deadline",
      alsoWritten(write("drain", { after: drained("drover", null) })),
      /the drain of i-gone has no deadline/,
    ],
    [
      "a drain that was posted once more",
      alsoWritten(
        write("drain", {
          before: drained("drover", 11 * minute, true),
          after: drained("drover", 12 * minute, true),
        }),
      ),
      /the deadline of the drain of i-gone was begun anew/,
    ],
    [
      "a drain that gives the work less time than people have said",
      chronicle({
        writes: [write("drain", { after: drained("drover", 2 * minute, true) })],
      }),
      /the work of i-gone got 60 s to leave/,
    ],
    [
      "a drain that may outlast its hook",
      {
        instances: [ended({ actions: [action({ limitAt: 10 * minute })] }), staying],
      },
      /the drain of i-gone may last longer than its hook/,
    ],
  ],
  "one-owner-an-instance": [
    [
      "two executions that work on one instance",
      {
        executions: [
          execution(),
          execution({ arn: "arn:two", calls: { first: 5 * minute, last: 9 * minute } }),
        ],
      },
      /i-gone: one and two worked on it at the same time/,
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
  "system-jobs-last": [
    [
      "a drain of the system jobs while others still run",
      alsoWritten(
        write("drain", {
          at: 2 * minute,
          before: sight({ work: 2 }),
          after: drained("drover", 3 * minute),
        }),
      ),
      /the system jobs of i-gone were drained beside 2 others/,
    ],
  ],
  "nothing-forgotten-alive": [
    [
      "a purge before the machine has ended",
      { ends: [end({ at: 15 * minute + 1 })] },
      /the node of i-gone was purged while it was alive/,
    ],
    [
      "a purge of a machine that never ended",
      { ends: [] },
      /the node of i-gone was purged while it was alive/,
    ],
    [
      "a member that was let go while its agent ran",
      chronicle({
        farewells: [{ at: minute, call: "force-leave", member: "i-here", isAlive: true }],
      }),
      /the member i-here got a force-leave while it was alive/,
    ],
    [
      "a member that Consul has lost although its instance stays",
      after({ members: ["theirs", "server-1"] }),
      /Consul has lost the member of i-here, which stays/,
    ],
  ],
};
