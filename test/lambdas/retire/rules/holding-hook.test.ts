import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Hook } from "../../../../lambdas/retire/retirement.ts";
import { holdingHook } from "../../../../lambdas/retire/rules/holding-hook.ts";

const hook = (token: string | undefined, startedAt: number, deadline: number): Hook => ({
  name: "drover-default/retire",
  token,
  heartbeatSeconds: 1728,
  startedAt: new Date(startedAt * 1000).toISOString(),
  deadline: new Date(deadline * 1000).toISOString(),
});

describe("the hook that holds an instance", () => {
  for (const [title, known, told, isTold] of [
    ["is the first that anybody tells of", null, hook("a", 0, 100), true],
    ["is the tighter of one action", hook("a", 0, 100), hook("a", 0, 90), true],
    [
      "is the tighter of one action, whichever came first",
      hook("a", 0, 90),
      hook("a", 0, 100),
      false,
    ],
    ["gets its token from an event", hook(undefined, 50, 150), hook("a", 0, 100), true],
    ["is the later of two actions", hook("a", 0, 100), hook("b", 10, 110), true],
    ["is not one of before", hook("b", 10, 110), hook("a", 0, 100), false],
  ] as const) {
    test(title, () => assert.equal(holdingHook(known, told), isTold ? told : known));
  }
});
