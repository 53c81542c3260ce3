import assert from "node:assert/strict";
import { test } from "node:test";
import { describeMark } from "../../../lambdas/watch/describe-mark.ts";

const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 5, 9, 0, seconds)).toISOString();

/** A retirement that was stopped in its *Cordon node*, which it had entered at 10 s. */
const stoppedAt = (seconds: number) =>
  describeMark(
    {
      lastState: async () => ({
        input: { node: { id: "node", next: "retire" } },
        enteredAt: at(10),
        endedAt: at(seconds),
      }),
    },
    {
      record: {
        instanceId: "i-0123456789abcdef0",
        execution: "arn",
        pool: "workers",
        group: "workers",
        reason: "started by a person",
        since: at(0),
        phase: "retiring",
        hook: null,
      },
      where: "staying",
    },
    Date.parse(at(600)),
  );

test("a cordon may have come until its execution was stopped, however long a cold start took", async () => {
  assert.equal((await stoppedAt(12)).cordonedAt, at(12));
  assert.equal((await stoppedAt(59)).cordonedAt, at(59));
});
