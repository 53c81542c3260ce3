import assert from "node:assert/strict";
import { eventually } from "./eventually.ts";
import type { NomadTarget } from "./nomad-target.ts";

/** Two servers: it asks the one that does not lead. */
export interface OutageTarget extends NomadTarget {
  /** Ends the leader, so that the other one has no majority. */
  loseLeader(): Promise<void>;
  /** Starts it again. */
  restoreLeader(): Promise<void>;
}

export const outageCases: Record<string, (target: OutageTarget) => Promise<void>> = {
  "without a leader reads and writes fail, quickly at first and later after five seconds": async (
    target,
  ) => {
    const first = await target.call("GET", "/v1/nodes");
    assert.equal(first.headers.get("x-nomad-knownleader"), "true");
    const held = target.call("GET", `/v1/nodes?index=${first.index + 1_000_000}&wait=60s`);
    await target.pause(0.5);
    await target.loseLeader();
    const ended = await held;
    assert.equal(ended.status, 500);
    assert.match(ended.text, /^rpc error: /);
    const [early, stale] = await Promise.all([
      target.call("GET", "/v1/nodes"),
      target.call("GET", "/v1/nodes?stale"),
    ]);
    assert.equal(early.status, 500);
    assert.match(early.text, /^rpc error: (EOF|failed to get conn)|^No cluster leader$/);
    assert.equal(stale.status, 200);

    const alone = await eventually(target, "the server knows that it is alone", 8, async () => {
      const answer = await target.call("GET", "/v1/nodes?stale");
      assert.equal(answer.status, 200);
      return answer.headers.get("x-nomad-knownleader") === "false" && answer;
    });
    assert.ok(Number(alone.headers.get("x-nomad-lastcontact")) > 500);
    const began = target.seconds();
    const node = "00000000-0000-4000-8000-000000000000";
    const answers = await Promise.all([
      target.call("GET", "/v1/nodes"),
      target.call("PUT", `/v1/node/${node}/drain`, { body: { DrainSpec: null } }),
      target.call("GET", "/v1/status/leader"),
    ]);
    for (const answer of answers) {
      assert.deepEqual([answer.status, answer.text], [500, "No cluster leader"]);
    }
    assert.ok(target.seconds() - began >= 5, "they are held for five seconds");
    assert.equal((await target.call("GET", "/v1/agent/members")).status, 200);

    await target.restoreLeader();
    const again = await eventually(target, "there is a leader again", 15, async () => {
      const answer = await target.call("GET", "/v1/nodes");
      return answer.status === 200 && answer;
    });
    assert.equal(again.headers.get("x-nomad-knownleader"), "true");
  },
};
