import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as v from "valibot";
import { type Envelope, envelope, parseEvent } from "../../../lambdas/intake/events.ts";

const detail = {
  LifecycleActionToken: "87654321-4321-4321-4321-210987654321",
  AutoScalingGroupName: "workers",
  LifecycleHookName: "drover-default/retire",
  EC2InstanceId: "i-0123456789abcdef0",
  LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
  NotificationMetadata: "anything",
  Origin: "AutoScalingGroup",
  Destination: "EC2",
};
const event = (changes: Partial<Envelope> = {}): Envelope => ({
  id: "12345678-1234-1234-1234-123456789012",
  source: "aws.autoscaling",
  "detail-type": "EC2 Instance-terminate Lifecycle Action",
  account: "123456789012",
  region: "eu-west-1",
  time: "2026-01-05T09:00:00Z",
  detail,
  ...changes,
});

describe("the event of a termination hook", () => {
  test("says who leaves, which hook waits, and since when", () => {
    assert.deepEqual(parseEvent(event()), {
      instanceId: "i-0123456789abcdef0",
      group: "workers",
      reason: "the group terminates it",
      since: "2026-01-05T09:00:00.000Z",
      destination: "terminated",
      hook: { name: "drover-default/retire", token: "87654321-4321-4321-4321-210987654321" },
    });
  });

  test("may be on the way into a warm pool, where the hook waits all the same", () => {
    const parsed = parseEvent(event({ detail: { ...detail, Destination: "WarmPool" } }));
    assert.ok("destination" in parsed);
    assert.equal(parsed.destination, "warm pool");
    assert.equal(parsed.reason, "goes into the warm pool");
  });

  test("out of a warm pool is a termination", () => {
    const parsed = parseEvent(event({ detail: { ...detail, Origin: "WarmPool" } }));
    assert.ok("destination" in parsed);
    assert.equal(parsed.destination, "terminated");
  });

  test("may leave out where the instance comes from and goes to", () => {
    const { Origin: _origin, Destination: _destination, ...less } = detail;
    const parsed = parseEvent(event({ detail: less }));
    assert.ok("destination" in parsed);
    assert.equal(parsed.destination, "terminated");
  });

  test("of a hook that was only tried is dropped", () => {
    const tried = { Event: "autoscaling:TEST_NOTIFICATION", AutoScalingGroupName: "workers" };
    assert.deepEqual(parseEvent(event({ detail: tried })), { dropped: "a test notification" });
  });

  for (const [title, changes, ...faults] of [
    [
      "everything that is missing",
      { detail: { EC2InstanceId: "i-0123456789abcdef0" } },
      /LifecycleActionToken/,
      /AutoScalingGroupName/,
      /LifecycleHookName/,
      /LifecycleTransition/,
    ],
    ["a launch", { detail: { ...detail, LifecycleTransition: "x" } }, /LifecycleTransition/],
    ["an instance that is a number", { detail: { ...detail, EC2InstanceId: 7 } }, /EC2InstanceId/],
    ["no detail", { detail: null }, /Object/],
  ] as const) {
    test(`is refused by what is wrong with it: ${title}`, () => {
      assert.throws(
        () => parseEvent(event(changes)),
        (error: Error) => {
          assert.equal(error.name, "InputRefused");
          assert.match(error.message, /event 12345678-.* is not as AWS documents it/);
          for (const fault of faults) assert.match(error.message, fault);
          return true;
        },
      );
    });
  }
});

describe("an envelope", () => {
  test("has a time that is one", () => {
    assert.ok(v.is(envelope, event()));
    const { issues } = v.safeParse(envelope, event({ time: "yesterday" }));
    assert.deepEqual(
      issues?.map((issue) => [v.getDotPath(issue), issue.message]),
      [["time", "has to be a moment of ISO 8601"]],
    );
  });
});

describe("an event of an unknown kind", () => {
  for (const [source, type] of [
    ["aws.autoscaling", "EC2 Instance-launch Lifecycle Action"],
    ["aws.ec2", "EC2 Instance-terminate Lifecycle Action"],
    ["somebody", "Something"],
  ] as const) {
    test(`is dropped, not an error: ${source}, ${type}`, () => {
      assert.deepEqual(parseEvent(event({ source, "detail-type": type, detail: null })), {
        dropped: `no parser for ${source}/${type}`,
      });
    });
  }
});
