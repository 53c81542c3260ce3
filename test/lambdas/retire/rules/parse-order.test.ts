import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { parseOrder } from "../../../../lambdas/retire/rules/parse-order.ts";

const instanceId = "i-0123456789abcdef0";
const event = {
  instanceId,
  pool: "workers",
  group: "workers-group",
  reason: "the group terminates it",
  since: "2026-01-05T09:00:00.000Z",
  destination: "terminated",
  hook: {
    name: "drover-default/retire",
    token: "token",
    heartbeatSeconds: 1728,
    startedAt: "2026-01-05T09:00:00.000Z",
    deadline: "2026-01-07T09:00:00.000Z",
  },
};

describe("an order", () => {
  test("of a person names the instance; another one is launched for it", () => {
    assert.deepEqual(parseOrder({ instanceId }), {
      kind: "by hand",
      order: { instanceId, capacity: "replace" },
    });
  });

  test("of a person may shrink the group", () => {
    assert.deepEqual(parseOrder({ instanceId, capacity: "shrink" }), {
      kind: "by hand",
      order: { instanceId, capacity: "shrink" },
    });
  });

  test("of an event is taken as it is", () => {
    assert.deepEqual(parseOrder(event), { kind: "by event", order: event });
  });

  test("takes the older, shorter ids of instances", () => {
    assert.equal(parseOrder({ instanceId: "i-1234abcd" }).kind, "by hand");
  });
});

describe("a wrong order is refused with", () => {
  for (const [title, input, ...said] of [
    ["nothing", {}, /instanceId/],
    ["what is missing", { capacity: "shrink" }, /instanceId/],
    ["an id that is none", { instanceId: "workers-1" }, /instanceId: has to be the id of an EC2/],
    ["an id in capitals", { instanceId: "I-0123456789ABCDEF0" }, /instanceId: has to be the id/],
    ["an id that is no text", { instanceId: 7 }, /instanceId: has to be text/],
    [
      "a capacity that is none",
      { instanceId, capacity: "keep" },
      /capacity: has to be "replace" or "shrink"/,
    ],
    ["an unknown field", { instanceId, toString: 1 }, /toString: there is no such field/],
    [
      "everything at once",
      { instance: "i-1", capacity: 1, now: true, force: true },
      /instanceId/,
      /capacity: has to be/,
      /instance: there is no such field/,
      /now: there is no such field/,
      /force: there is no such field/,
    ],
    ["a list", [instanceId], /an object/],
    ["a text", instanceId, /an object/],
    ["null", null, /an object/],
  ] as const) {
    test(`${title}: every fault by its name, and a right input`, () => {
      assert.throws(
        () => parseOrder(input),
        (error: Error) => {
          assert.equal(error.name, "InputRefused");
          for (const each of said) assert.match(error.message, each);
          assert.match(error.message, /Right are \{"instanceId": "i-0123456789abcdef0"\} and /);
          return true;
        },
      );
    });
  }

  test("whatever is typed, with nothing else than a refusal", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (input) => {
        try {
          parseOrder(input);
        } catch (error) {
          assert.equal((error as Error).name, "InputRefused");
        }
      }),
    );
  });
});
