import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PointlessWaitError, waitFor } from "../../../rehearsal/agents/polling.ts";

describe("waitFor", () => {
  it("gives the first answer that is neither undefined nor false", async () => {
    const answers = [undefined, false, 0, 1];
    assert.equal(await waitFor("an answer", () => answers.shift()), 0);
  });

  it("takes an error for a no, and tells the last one when time is up", async () => {
    let calls = 0;
    const failing = waitFor(
      "the impossible",
      () => {
        calls += 1;
        throw new Error(`no ${calls}`);
      },
      100,
    );
    await assert.rejects(failing, (error: Error) => {
      assert.match(error.message, /100 ms .*the impossible/);
      assert.deepEqual(error.cause, new Error(`no ${calls}`));
      return true;
    });
    assert.ok(calls > 1);
  });

  it("ends at once when waiting is pointless", async () => {
    let calls = 0;
    const hopeless = waitFor("the impossible", () => {
      calls += 1;
      throw new PointlessWaitError("it is dead");
    });
    await assert.rejects(hopeless, { name: "PointlessWaitError", message: "it is dead" });
    assert.equal(calls, 1);
  });
});
