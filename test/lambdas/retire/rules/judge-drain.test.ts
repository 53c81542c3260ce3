import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { AllocationStub } from "../../../../lambdas/clients/nomad.ts";
import type { Drain } from "../../../../lambdas/retire/retirement.ts";
import {
  concerns,
  type DrainView,
  hangingSeconds,
  judgeDrain,
} from "../../../../lambdas/retire/rules/judge-drain.ts";

const now = Date.UTC(2026, 0, 5, 9, 30);
const iso = (seconds: number) => new Date(now + seconds * 1000).toISOString();

const allocation = (changes: Partial<AllocationStub> = {}): AllocationStub => ({
  ID: "a-1",
  Name: "web.main[0]",
  Namespace: "default",
  NodeID: "n-1",
  JobID: "web",
  JobType: "service",
  TaskGroup: "main",
  DesiredStatus: "run",
  ClientStatus: "running",
  TaskStates: { main: { State: "running" } },
  NextAllocation: "",
  CreateTime: (now - 3_600_000) * 1e6,
  ModifyTime: (now - 3_600_000) * 1e6,
  ...changes,
});
const strategy = {
  Deadline: 1800e9,
  IgnoreSystemJobs: true,
  ForceDeadline: iso(1200),
  StartedAt: iso(-600),
};
const node = (changes: Partial<NonNullable<DrainView["node"]>> = {}) => ({
  Status: "ready" as const,
  DrainStrategy: strategy,
  LastDrain: null,
  Events: [],
  ...changes,
});
const view = (changes: Partial<DrainView> = {}): DrainView => ({
  node: node(),
  live: [],
  finishing: [],
  claims: [],
  pulling: [],
  emptySince: undefined,
  ...changes,
});
const closed = node({ DrainStrategy: null });
const complete = (secondsAgo: number, deadlineReached = true) => ({
  Message: "Node drain complete",
  Timestamp: iso(-secondsAgo),
  Details: deadlineReached ? { deadline_reached: "true" } : null,
});
const drain = (changes: Partial<Drain> = {}): Drain => ({
  pass: "work",
  status: "draining",
  outcome: "clean",
  explanation: "The drain has begun.",
  beganAt: iso(-600),
  startedAt: iso(-600),
  until: iso(1200),
  giveUpAt: iso(1320),
  waitSeconds: 0,
  blockers: [],
  cutOff: [],
  allocations: 3,
  ...changes,
});

describe("a node is drained", () => {
  for (const [title, seen, begun, status, outcome, explanation] of [
    [
      "when everything has moved away",
      view({ node: closed }),
      drain(),
      "drained",
      "clean",
      /Everything has moved away/,
    ],
    [
      "when the system jobs have stopped",
      view({ node: closed }),
      drain({ pass: "system" }),
      "drained",
      "clean",
      /system jobs have stopped/,
    ],
    [
      "by force when the deadline was reached",
      view({ node: node({ DrainStrategy: null, Events: [complete(3)] }) }),
      drain(),
      "drained",
      "forced",
      /deadline was reached/,
    ],
    [
      "cleanly when only an earlier drain was forced",
      view({ node: node({ DrainStrategy: null, Events: [complete(700), complete(1, false)] }) }),
      drain(),
      "drained",
      "clean",
      /moved away/,
    ],
    [
      "cleanly when the pass before it was forced a moment ago",
      view({
        node: node({
          DrainStrategy: null,
          Events: [
            complete(2),
            { ...complete(1), Message: "Node drain strategy set" },
            complete(0, false),
          ],
        }),
      }),
      drain({ pass: "system", startedAt: iso(-1) }),
      "drained",
      "clean",
      /system jobs have stopped/,
    ],
    [
      "not by force while the drain after a forced one is open",
      view({
        node: node({
          Events: [complete(2), { ...complete(1), Message: "Node drain strategy updated" }],
        }),
        emptySince: now - hangingSeconds * 1000,
      }),
      drain({ pass: "system", startedAt: iso(-1) }),
      "drained",
      "clean",
      /Nothing is left/,
    ],
    [
      "not while the client has not said its last word, although the strategy has ended",
      view({ node: closed, live: [allocation({ DesiredStatus: "stop" })] }),
      drain(),
      "draining",
      "clean",
      /web \(still running\)/,
    ],
    [
      "not while an allocation is unknown or pending",
      view({
        node: closed,
        live: [
          allocation({ ClientStatus: "unknown" }),
          allocation({ JobID: "api", ClientStatus: "pending" }),
        ],
      }),
      drain(),
      "draining",
      "clean",
      /web .*, api /,
    ],
    [
      "not while a poststop task still runs",
      view({ node: closed, finishing: [allocation({ ClientStatus: "complete" })] }),
      drain(),
      "draining",
      "clean",
      /a task still runs although the allocation has ended/,
    ],
    [
      "not while a replacement pulls the ephemeral disk",
      view({ node: closed, pulling: [allocation({ ClientStatus: "complete" })] }),
      drain(),
      "draining",
      "clean",
      /still pulls the ephemeral disk/,
    ],
    [
      "not while a volume names it",
      view({ node: closed, claims: ["default/data"] }),
      drain(),
      "draining",
      "clean",
      /CSI volumes default\/data that still name the node/,
    ],
    [
      "not yet when Nomad may be about to close the drain",
      view({ emptySince: now - hangingSeconds * 1000 + 1 }),
      drain(),
      "draining",
      "clean",
      /Nomad to close the drain/,
    ],
    [
      "when nothing is left that a drain held open could wait for",
      view({ emptySince: now - hangingSeconds * 1000 }),
      drain(),
      "drained",
      "clean",
      /Nothing is left to wait for/,
    ],
    [
      "of its work although system jobs run on",
      view({ node: closed, live: [allocation({ JobType: "system" })] }),
      drain(),
      "drained",
      "clean",
      /moved away/,
    ],
    [
      "not while sysbatch work runs on",
      view({ node: closed, live: [allocation({ JobType: "sysbatch" })] }),
      drain(),
      "draining",
      "clean",
      /still running/,
    ],
    [
      "of its system jobs not while they run",
      view({ node: closed, live: [allocation({ JobType: "system" })] }),
      drain({ pass: "system" }),
      "draining",
      "clean",
      /still running/,
    ],
    [
      "by force when it went down with work on it",
      view({ node: node({ Status: "down" }), live: [allocation()] }),
      drain(),
      "drained",
      "forced",
      /went down/,
    ],
    [
      "without a drain when it went down empty",
      view({ node: node({ Status: "down" }) }),
      drain({ allocations: 0 }),
      "drained",
      "none",
      /went down/,
    ],
    [
      "not when it is only out of touch",
      view({
        node: node({ Status: "disconnected" }),
        live: [allocation({ ClientStatus: "unknown" })],
      }),
      drain(),
      "draining",
      "clean",
      /still running/,
    ],
    [
      "by force when somebody purged it with work on it",
      view({ node: undefined }),
      drain(),
      "drained",
      "forced",
      /purged/,
    ],
    [
      "by force when the time is over, and says who was still there",
      view({ live: [allocation()] }),
      drain({ giveUpAt: iso(0) }),
      "drained",
      "forced",
      /The time is over; still there: web \(still running\)/,
    ],
  ] as const) {
    test(title, () => {
      const verdict = judgeDrain(seen, begun, now);
      assert.deepEqual([verdict.status, verdict.outcome], [status, outcome]);
      assert.match(verdict.explanation, explanation);
    });
  }
});

describe("who blocks a drain", () => {
  test("is named by job, the oldest first, with how many and since when", () => {
    const at = (seconds: number) => (now + seconds * 1000) * 1e6;
    const { blockers } = judgeDrain(
      view({
        live: [
          allocation({ ID: "1", CreateTime: at(-100) }),
          allocation({ ID: "2", CreateTime: at(-300) }),
          allocation({ ID: "3", JobID: "api", JobType: "batch", CreateTime: at(-200) }),
          allocation({ ID: "4", JobID: "api", Namespace: "other", CreateTime: at(-50) }),
        ],
        pulling: [allocation({ ID: "5", CreateTime: at(-400) })],
      }),
      drain(),
      now,
    );
    assert.deepEqual(
      blockers.map(({ job, namespace, since, allocations }) => [
        job,
        namespace,
        since,
        allocations,
      ]),
      [
        ["web", "default", iso(-400), 3],
        ["api", "default", iso(-200), 1],
        ["api", "other", iso(-50), 1],
      ],
    );
    assert.deepEqual(blockers[1], {
      job: "api",
      namespace: "default",
      type: "batch",
      since: iso(-200),
      allocations: 1,
      why: "still running",
    });
  });

  test("does not grow with the node: ten jobs at most, and volumes", () => {
    const live = Array.from({ length: 30 }, (_, index) => allocation({ JobID: `job-${index}` }));
    assert.equal(judgeDrain(view({ live }), drain(), now).blockers.length, 10);
    const claims = Array.from({ length: 30 }, (_, index) => `default/volume-${index}`);
    const { explanation } = judgeDrain(view({ claims }), drain(), now);
    assert.equal(explanation.match(/volume-/g)?.length, 10);
  });
});

const anyAllocation = fc.record({
  JobType: fc.constantFrom("service", "batch", "system", "sysbatch"),
  ClientStatus: fc.constantFrom("pending", "running", "unknown"),
  DesiredStatus: fc.constantFrom("run", "stop"),
});
const anyView = fc
  .record({
    live: fc.array(anyAllocation, { maxLength: 3 }),
    finishing: fc.array(anyAllocation, { maxLength: 2 }),
    pulling: fc.array(anyAllocation, { maxLength: 2 }),
    claims: fc.array(fc.constant("default/data"), { maxLength: 1 }),
    isOpen: fc.boolean(),
    isForced: fc.boolean(),
    status: fc.constantFrom("ready", "initializing", "disconnected"),
    empty: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
  })
  .map((any) =>
    view({
      node: node({
        Status: any.status as "ready",
        DrainStrategy: any.isOpen ? strategy : null,
        Events: any.isForced ? [complete(1)] : [],
      }),
      live: any.live.map((each) => allocation(each as Partial<AllocationStub>)),
      finishing: any.finishing.map((each) => allocation(each as Partial<AllocationStub>)),
      pulling: any.pulling.map((each) => allocation(each as Partial<AllocationStub>)),
      claims: any.claims,
      emptySince: any.empty === undefined ? undefined : now - any.empty * 1000,
    }),
  );
const anyDrain = fc
  .record({
    pass: fc.constantFrom("work" as const, "system" as const),
    allocations: fc.nat(3),
    giveUp: fc.integer({ min: -100, max: 100 }),
  })
  .map(({ giveUp, ...rest }) => drain({ ...rest, giveUpAt: iso(giveUp) }));

describe("whatever is seen of a living node,", () => {
  test("it is not drained before the time is over while anything of its pass is left", () => {
    fc.assert(
      fc.property(anyView, anyDrain, (seen, begun) => {
        const left = [...seen.live, ...seen.finishing].filter((each) => concerns(begun.pass, each));
        fc.pre(left.length > 0 || seen.claims.length > 0 || seen.pulling.length > 0);
        const { status } = judgeDrain(seen, begun, now);
        assert.equal(status, now >= Date.parse(begun.giveUpAt) ? "drained" : "draining");
      }),
    );
  });

  test("it is drained once the time is over, and only then with blockers", () => {
    fc.assert(
      fc.property(anyView, anyDrain, (seen, begun) => {
        const { status, blockers, outcome } = judgeDrain(seen, begun, now);
        if (now >= Date.parse(begun.giveUpAt)) assert.equal(status, "drained");
        else if (status === "drained") assert.deepEqual(blockers, []);
        if (status === "drained" && blockers.length > 0) assert.equal(outcome, "forced");
      }),
    );
  });
});
