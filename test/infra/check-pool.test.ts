import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Duration, Lazy } from "aws-cdk-lib";
import { AutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import * as fc from "fast-check";
import { checkPool, hookLife } from "../../infra/check-pool.ts";
import type { PoolProps } from "../../infra/drover-props.ts";
import { Problems } from "../../infra/problems.ts";
import { secondsToQueue } from "../../lambdas/retire/rules/deadlines.ts";
import { existingVpc, messageOf, newDrover, newGroup, newStack } from "./apps.ts";

const refusal = (props: Partial<PoolProps>, clusterSlots?: number): string => {
  const stack = newStack();
  const drover = newDrover(stack, clusterSlots === undefined ? {} : { slots: clusterSlots });
  const group = newGroup(stack);
  return messageOf(() => drover.manage(group, { pool: "workers", ...props }));
};

describe("the properties of a pool", () => {
  for (const pool of ["", "my pool", "-x", "a/b", "x".repeat(64)]) {
    it(`refuse the name ${JSON.stringify(pool)}`, () => {
      const message = refusal({ pool });
      assert.ok(message.includes(`pool: ${JSON.stringify(pool)}: give at most 63`), message);
    });
  }

  for (const [property, span, shown, remedy] of [
    ["drainDeadline", Duration.seconds(0), "0 seconds", "between 1 and 169200"],
    ["drainDeadline", Duration.hours(48), "2 days", "between 1 and 169200"],
    ["batchDrainDeadline", Duration.millis(1500), "1.5 seconds", "whole seconds"],
    ["systemDrainDeadline", Duration.hours(2), "2 hours", "between 1 and 3600"],
    ["joinGrace", Duration.hours(3), "3 hours", "between 0 and 7200"],
    ["heartbeat", Duration.seconds(29), "29 seconds", "between 30 and 7200"],
    ["heartbeat", Duration.hours(3), "3 hours", "between 30 and 7200"],
  ] as const) {
    it(`refuse a ${property} of ${shown}`, () => {
      const message = refusal({ [property]: span });
      assert.ok(message.includes(`${property}: "${shown}": give `), message);
      assert.ok(message.includes(remedy), message);
    });
  }

  it("refuse a length of time that only CloudFormation knows", () => {
    const later = Duration.seconds(Lazy.number({ produce: () => 60 }));
    assert.match(refusal({ drainDeadline: later }), /drainDeadline: "a token": give whole seconds/);
  });

  it("refuse a deadline that the hook does not live to see", () => {
    const message = refusal({
      drainDeadline: Duration.hours(2),
      heartbeat: Duration.seconds(60),
    });
    assert.match(
      message,
      /drainDeadline: "2 hours": the hook lives for 1 hour 40 minutes \(100 heartbeats of 60 s, .* give at most 1 hour 29 minutes, or a longer heartbeat/,
    );
  });

  it("refuse a batch deadline that no heartbeat can carry, and ask for no longer one", () => {
    const message = refusal({
      batchDrainDeadline: Duration.hours(47),
      systemDrainDeadline: Duration.hours(1),
    });
    assert.match(message, /batchDrainDeadline: "1 day 23 hours": .* give at most 1 day 22 hours/);
    assert.doesNotMatch(message, /longer heartbeat|- drainDeadline/);
  });

  it("refuse a drain of the system jobs that leaves no time for the others", () => {
    assert.match(
      refusal({
        drainDeadline: Duration.seconds(1),
        systemDrainDeadline: Duration.hours(1),
        heartbeat: Duration.seconds(30),
      }),
      /drainDeadline: "1 second": .*: give a shorter systemDrainDeadline, or a longer heartbeat/,
    );
  });

  it("refuse more slots than the cluster has", () => {
    assert.match(refusal({ slots: 3 }, 2), /slots: 3: the whole cluster has 2: give at most/);
  });

  it("refuse an unknown choice for failed drains", () => {
    assert.match(
      refusal({ onDrainFailure: "abandon" as never }),
      /onDrainFailure: "abandon": give "continue" or "retain"/,
    );
  });

  it("are refused all at once, in one message", () => {
    const message = refusal({ pool: "a b", slots: 0, joinGrace: Duration.days(1) });
    assert.match(message, /^Test\/Drover: the pool of Test\/Workers is not right:\n/);
    const named = [...message.matchAll(/^ {2}- (\w+): /gm)].map(([, name]) => name);
    assert.deepEqual(named, ["pool", "joinGrace", "slots"]);
  });
});

describe("an imported group", () => {
  it("cannot retain its instances", () => {
    const stack = newStack();
    const drover = newDrover(stack);
    const group = AutoScalingGroup.fromAutoScalingGroupName(stack, "Legacy", "legacy");
    assert.match(
      messageOf(() => drover.manage(group, { pool: "legacy", onDrainFailure: "retain" })),
      /onDrainFailure: "retain": the group is imported, .*or give "continue"/,
    );
  });

  it("is the same group when it is imported twice", () => {
    const stack = newStack();
    const drover = newDrover(stack);
    const imported = (id: string) => AutoScalingGroup.fromAutoScalingGroupName(stack, id, "legacy");
    drover.manage(imported("One"), { pool: "one" });
    assert.match(
      messageOf(() => drover.manage(imported("Two"), { pool: "two" })),
      /group: "Test\/Two": it is the pool "one" already/,
    );
  });
});

describe("a pool", () => {
  it("is one group", () => {
    const stack = newStack();
    const drover = newDrover(stack);
    drover.manage(newGroup(stack, "One"), { pool: "workers" });
    assert.match(
      messageOf(() => drover.manage(newGroup(stack, "Two"), { pool: "workers" })),
      /pool: "workers": Test\/One is this pool already/,
    );
  });

  it("is the only one of its group, whichever Drover it belongs to", () => {
    const stack = newStack();
    const group = newGroup(stack);
    newDrover(stack, { cluster: "one" }, "One").manage(group, { pool: "workers" });
    const two = newDrover(stack, { cluster: "two", vpc: existingVpc(stack, "Other") }, "Two");
    assert.match(
      messageOf(() => two.manage(group, { pool: "batch" })),
      /group: "Test\/Workers": it is the pool "workers" already/,
    );
  });
});

describe("whatever is accepted", () => {
  it("leaves a drain that starts at once its whole deadline", () => {
    fc.assert(
      fc.property(
        fc.record({
          drainDeadline: fc.integer({ min: 1, max: 47 * 3600 }),
          systemDrainDeadline: fc.integer({ min: 1, max: 3600 }),
          heartbeat: fc.integer({ min: 30, max: 7200 }),
        }),
        (spans) => {
          const problems = new Problems();
          const { settings, heartbeatSeconds } = checkPool(
            {
              pool: "workers",
              drainDeadline: Duration.seconds(spans.drainDeadline),
              systemDrainDeadline: Duration.seconds(spans.systemDrainDeadline),
              heartbeat: Duration.seconds(spans.heartbeat),
            },
            true,
            undefined,
            problems,
          );
          const hook = {
            name: "hook",
            heartbeatSeconds,
            startedAt: new Date(0).toISOString(),
            deadline: new Date(hookLife(heartbeatSeconds) * 1000).toISOString(),
          };
          // Five minutes are kept for what comes before the drain.
          const fits = secondsToQueue(settings, hook, 300_000) >= 0;
          const isRefused = messageOfAll(problems) !== undefined;
          assert.equal(fits, !isRefused);
        },
      ),
      {
        examples: [
          // The second that just fits, and the one that does not.
          [{ drainDeadline: 1, systemDrainDeadline: 2399, heartbeat: 30 }],
          [{ drainDeadline: 1, systemDrainDeadline: 2400, heartbeat: 30 }],
        ],
      },
    );
  });
});

const messageOfAll = (problems: Problems): string | undefined => {
  try {
    problems.throwIfAny("pool");
    return undefined;
  } catch (error) {
    return String(error);
  }
};
