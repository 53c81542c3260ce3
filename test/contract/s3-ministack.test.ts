import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import * as fc from "fast-check";

import { openBuckets } from "./aws/buckets.ts";
import { anywhere, type Ministack, startMinistack } from "./ministack/server.ts";
import { openEmulatedBuckets } from "./s3-emulated.ts";
import { steps, walk } from "./s3-steps.ts";
import type { S3Target } from "./s3-target.ts";

describe("S3, ministack's and ours", () => {
  let ministack: Ministack;
  let target: S3Target;
  before(async () => {
    ministack = await startMinistack();
    target = await openBuckets({ ...anywhere, endpoint: ministack.endpoint }, "steps");
  });
  after(async () => {
    target.client.destroy();
    await ministack.close();
  });

  for (const kind of ["versioned", "plain"] as const)
    it(`say the same to whatever is done, in a ${kind} bucket`, async () => {
      const ours = openEmulatedBuckets();
      const answers = new Map<unknown, number>();
      await fc.assert(
        fc.asyncProperty(steps, async (all) => {
          const mine = await walk(ours, kind, all);
          assert.deepEqual(mine, await walk(target, kind, all));
          for (const answer of mine) answers.set(answer, (answers.get(answer) ?? 0) + 1);
        }),
        { numRuns: 60, seed: 7 },
      );
      for (const answer of ["PreconditionFailed", "NoSuchKey"])
        assert.ok((answers.get(answer) ?? 0) > 30, `${answer} is no accident`);
    });
});
