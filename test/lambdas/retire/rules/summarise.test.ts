import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as v from "valibot";
import { type FinishedRetirement, summarise } from "../../../../lambdas/retire/rules/summarise.ts";
import { poolSettings } from "../../../../lambdas/runtime/pool-settings.ts";

const began = Date.UTC(2026, 0, 5, 9);
const iso = (seconds: number) => new Date(began + seconds * 1000).toISOString();
const blocker = {
  job: "web",
  namespace: "default",
  type: "service",
  since: iso(-100),
  allocations: 1,
  why: "still running",
};
const bare: FinishedRetirement = {
  instanceId: "i-1",
  pool: "workers",
  group: "workers-group",
  reason: "the group terminates it",
  since: iso(0),
  execution: "arn",
  hook: null,
  destination: "terminated",
  capacity: null,
  settings: v.parse(poolSettings, {}),
};
const drained: FinishedRetirement = {
  ...bare,
  node: {
    answer: "registered",
    next: "retire",
    explanation: "Node i-1 is ready.",
    waitSeconds: 0,
    since: iso(1),
    id: "n-1",
    name: "i-1",
  },
  drain: {
    pass: "system",
    status: "drained",
    outcome: "clean",
    explanation: "The system jobs have stopped.",
    beganAt: iso(10),
    startedAt: iso(70),
    endedAt: iso(75.25),
    until: iso(130),
    giveUpAt: iso(250),
    waitSeconds: 0,
    blockers: [],
    cutOff: [],
    allocations: 3,
  },
  completion: { decision: "CONTINUE", at: iso(77), explanation: "", waitSeconds: 0 },
  termination: { state: "gone", since: iso(77), explanation: "", waitSeconds: 0 },
  forgotten: {
    done: true,
    since: iso(120),
    explanation: "Forgotten.",
    waitSeconds: 90,
    nomad: "purged",
    consul: "deregistered",
  },
};

describe("the summary of a retirement", () => {
  test("says what became of it, and how long each phase took", () => {
    assert.deepEqual(summarise(drained, began + 220_000), {
      instanceId: "i-1",
      pool: "workers",
      group: "workers-group",
      reason: "the group terminates it",
      since: iso(0),
      node: { id: "n-1", name: "i-1" },
      drain: "clean",
      hook: "CONTINUE",
      end: "gone",
      forgotten: { nomad: "purged", consul: "deregistered" },
      allocations: 3,
      cutOff: [],
      seconds: { toDrain: 10, drain: 65.3, toHook: 1.8, toForgotten: 143, total: 220 },
      explanation: "The system jobs have stopped.",
    });
  });

  test("of a forced drain names the jobs that were cut off", () => {
    const forced = { ...drained.drain!, outcome: "forced" as const, cutOff: [blocker] };
    const summary = summarise({ ...drained, drain: forced }, began + 220_000);
    assert.deepEqual([summary.drain, summary.cutOff], ["forced", [blocker]]);
  });

  test("says nothing of phases that were not gone through", () => {
    const summary = summarise(bare, began + 5000);
    assert.deepEqual(
      [summary.node, summary.drain, summary.hook, summary.end, summary.forgotten],
      [null, "none", null, null, null],
    );
    assert.deepEqual(summary.seconds, {
      toDrain: null,
      drain: null,
      toHook: null,
      toForgotten: null,
      total: 5,
    });
  });
});
