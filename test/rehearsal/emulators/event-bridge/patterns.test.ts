import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { EventPattern } from "../../../../rehearsal/emulators/event-bridge/patterns.ts";
import { compilePattern, matches } from "../../../../rehearsal/emulators/event-bridge/patterns.ts";

const event = {
  version: "0",
  source: "aws.autoscaling",
  "detail-type": "EC2 Instance-terminate Lifecycle Action",
  resources: [
    "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:1:autoScalingGroupName/a",
  ],
  detail: {
    LifecycleHookName: "drover-terminate",
    LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
    Origin: "AutoScalingGroup",
    nothing: null,
    empty: [],
    nested: [["a", ["b"]], "c"],
    number: 5,
    flag: true,
    affected: [{ id: "i-1", kind: "x" }, { id: "i-2" }],
  },
};

const detail = (pattern: EventPattern): EventPattern => ({ detail: pattern });

const cases: readonly (readonly [string, EventPattern, boolean])[] = [
  ["an exact value", { source: ["aws.autoscaling"] }, true],
  ["another value", { source: ["aws.ec2"] }, false],
  ["one of several", { source: ["aws.ec2", "aws.autoscaling"] }, true],
  ["all fields", { source: ["aws.autoscaling"], version: ["1"] }, false],
  ["a field that is not there", { account: ["1"] }, false],
  ["null", detail({ nothing: [null] }), true],
  ["null where nothing is", detail({ absent: [null] }), false],
  ["a number", detail({ number: [5] }), true],
  ["a number as text", detail({ number: ["5"] }), false],
  ["a flag", detail({ flag: [true] }), true],
  ["an element of an array", { resources: [{ prefix: "arn:aws:autoscaling:" }] }, true],
  ["a prefix", detail({ LifecycleHookName: [{ prefix: "drover-" }] }), true],
  ["another prefix", detail({ LifecycleHookName: [{ prefix: "other-" }] }), false],
  ["a prefix of a number", detail({ number: [{ prefix: "5" }] }), false],
  ["a suffix", detail({ LifecycleTransition: [{ suffix: "_TERMINATING" }] }), true],
  ["any case", detail({ Origin: [{ "equals-ignore-case": "autoscalinggroup" }] }), true],
  ["a field that exists", detail({ Origin: [{ exists: true }] }), true],
  ["a field that does not", detail({ Destination: [{ exists: false }] }), true],
  ["a field that should not", detail({ Origin: [{ exists: false }] }), false],
  ["an empty array, which has no value", detail({ empty: [{ exists: true }] }), false],
  ["an object, which is no leaf", { detail: [{ exists: true }] }, false],
  ["a leaf below what is absent", { absent: { below: [{ exists: false }] } }, true],
  ["null, which exists", detail({ nothing: [{ exists: true }] }), true],
  ["anything but", detail({ Origin: [{ "anything-but": "WarmPool" }] }), true],
  ["anything but this", detail({ Origin: [{ "anything-but": ["AutoScalingGroup"] }] }), false],
  ["anything but, where nothing is", detail({ absent: [{ "anything-but": "x" }] }), false],
  ["anything but a prefix", detail({ Origin: [{ "anything-but": { prefix: "Auto" } }] }), false],
  ["a range", detail({ number: [{ numeric: [">", 4, "<=", 5] }] }), true],
  ["a bound", detail({ number: [{ numeric: ["<", 5] }] }), false],
  ["an element of nested arrays", detail({ nested: ["b"] }), true],
  ["an array of objects, which has no value", detail({ affected: [{ exists: false }] }), true],
  [
    "a field that one of several objects has",
    detail({ affected: { kind: [{ exists: false }] } }),
    false,
  ],
  ["an object in an array", detail({ affected: { id: ["i-2"] } }), true],
  [
    "two fields of one object in an array",
    detail({ affected: { id: ["i-1"], kind: ["x"] } }),
    true,
  ],
  ["fields of two objects in an array", detail({ affected: { id: ["i-2"], kind: ["x"] } }), false],
  ["one of two patterns", { $or: [{ source: ["aws.ec2"] }, { version: ["0"] }] }, true],
  ["neither of two patterns", { $or: [{ source: ["aws.ec2"] }, { version: ["1"] }] }, false],
];

/** The engine that AWS publishes (event-ruler) agrees with every case. */
describe("a pattern", () => {
  for (const [what, pattern, expected] of cases)
    it(`${expected ? "matches" : "does not match"} ${what}`, () =>
      assert.equal(matches(pattern, event), expected));

  for (const [what, pattern] of [
    ["nothing", {}],
    ["an empty object", { detail: {} }],
    ["an empty array", { source: [] }],
    ["a bare value", { source: "aws.ec2" }],
    ["an operator it does not know", { source: [{ wildcard: "aws.*" }] }],
    [
      "anything but an operator it does not know",
      { source: [{ "anything-but": { wildcard: "*" } }] },
    ],
    ["two operators in one", { source: [{ prefix: "a", suffix: "b" }] }],
    ["a prefix that is no text", { source: [{ prefix: 5 }] }],
    ["an odd range", { source: [{ numeric: [">", 1, "<"] }] }],
    ["a single alternative", { $or: [{ source: ["a"] }] }],
  ] as const)
    it(`refuses ${what}`, () =>
      assert.throws(() => compilePattern(pattern as unknown as EventPattern)));
});
