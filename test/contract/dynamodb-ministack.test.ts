import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import * as fc from "fast-check";

import { openTable } from "./aws/services.ts";
import { openEmulatedTable } from "./dynamodb-emulated.ts";
import { perform, request } from "./dynamodb-requests.ts";
import { createTrial, type DynamoDbTarget } from "./dynamodb-target.ts";
import { dynamoDbContract } from "./dynamodb.ts";
import { anywhere, type Ministack, startMinistack } from "./ministack/server.ts";

describe("DynamoDB, ministack's", () => {
  let ministack: Ministack;
  let target: DynamoDbTarget;
  before(async () => {
    ministack = await startMinistack();
    target = await openTable({ ...anywhere, endpoint: ministack.endpoint }, "one");
  });
  after(async () => {
    target.client.destroy();
    await ministack.close();
  });

  it("says the same as ours to whatever is asked", async () => {
    const ours = openEmulatedTable();
    const answers = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(request, async (each) => {
        const [mine, theirs] = [await perform(ours, each), await perform(target, each)];
        assert.deepEqual(mine, theirs);
        answers.set(mine.answer, (answers.get(mine.answer) ?? 0) + 1);
      }),
      { numRuns: 1000, seed: 7 },
    );
    for (const answer of ["done", "condition failed", "ValidationException"])
      assert.ok((answers.get(answer) ?? 0) > 50, `${answer} is no accident`);
  });

  for (const { title, run, ministack: known, source } of dynamoDbContract) {
    if (known === undefined) it(title, () => run(createTrial(target)));
    else
      it(`still differs from ${source}: ${title}`, async () => {
        await assert.rejects(run(createTrial(target)), `it is right by now, no more: ${known}`);
      });
  }
});
