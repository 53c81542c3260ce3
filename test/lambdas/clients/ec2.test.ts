import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ec2Client } from "../../../lambdas/clients/ec2.ts";
import { type Bench, startBench } from "../bench.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const ask = async (...ids: string[]) =>
  Object.fromEntries(await bench.settle(ec2Client(bench.surroundings).wordsOn(ids)));
const id = (number: number) => `i-${number.toString(16).padStart(17, "0")}`;

describe("what EC2 says of instances", () => {
  test("comes in one call, from all of its reservations", async () => {
    for (const [index, state] of ["running", "shutting-down", "terminated", "stopped"].entries())
      bench.ec2.put({ id: id(index), state });
    assert.deepEqual(await ask(id(0), id(1), id(2), id(3), id(0)), {
      [id(0)]: "running",
      [id(1)]: "shutting-down",
      [id(2)]: "terminated",
      [id(3)]: "stopped",
    });
    assert.deepEqual(bench.operations("ec2"), ["DescribeInstances"]);
  });

  test("is that it does not know them, for each that it does not, and the others are asked for again", async () => {
    bench.ec2.put({ id: id(1), state: "running" });
    assert.deepEqual(await ask(id(0), id(1), id(2)), {
      [id(0)]: "not found",
      [id(1)]: "running",
      [id(2)]: "not found",
    });
    assert.equal(bench.operations("ec2").length, 2);
    assert.deepEqual(await ask(id(0)), { [id(0)]: "not found" });
  });

  test("is not asked for where there is nothing to ask", async () => {
    assert.deepEqual(await ask(), {});
    assert.deepEqual(bench.operations("ec2"), []);
  });

  const refuse = (code: string, message: string, status = 400) =>
    bench.meddle(() => ({
      status,
      body: `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>1</RequestID></Response>`,
      headers: { "content-type": "text/xml" },
    }));

  test("is nothing when it is refused: the error goes on", async () => {
    refuse("UnauthorizedOperation", "You are not authorized to perform this operation.", 403);
    await assert.rejects(ask(id(0)), { name: "UnauthorizedOperation" });
  });

  test("is nothing when an error names no instance, or others than were asked for", async () => {
    refuse("InvalidInstanceID.NotFound", "Some instances do not exist");
    await assert.rejects(ask(id(0)), { name: "InvalidInstanceID.NotFound" });
    refuse("InvalidInstanceID.NotFound", `The instance ID '${id(7)}' does not exist`);
    await assert.rejects(ask(id(0)), { name: "InvalidInstanceID.NotFound" });
  });

  test("comes after some tries when it is asked too often", async () => {
    bench.ec2.put({ id: id(0), state: "terminated" });
    let refusals = 2;
    bench.meddle(() => {
      if (refusals === 0) return undefined;
      refusals -= 1;
      const error = "<Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message>";
      return {
        status: 503,
        body: `<Response><Errors><Error>${error}</Error></Errors><RequestID>1</RequestID></Response>`,
        headers: { "content-type": "text/xml" },
      };
    });
    assert.deepEqual(await ask(id(0)), { [id(0)]: "terminated" });
  });
});
