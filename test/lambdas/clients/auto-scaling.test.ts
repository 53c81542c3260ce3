import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { HttpResponse } from "@smithy/protocol-http";
import { type AutoScaling, autoScalingClient } from "../../../lambdas/clients/auto-scaling.ts";
import { answerWith } from "../../../rehearsal/wire.ts";
import { type Bench, startBench } from "../bench.ts";
import { othersHook, raiseGroup, retireHook, scaleIn } from "../pool.ts";

let bench: Bench;
let autoScaling: AutoScaling;
beforeEach(async () => {
  bench = await startBench();
  autoScaling = autoScalingClient(bench.surroundings);
});
afterEach(() => bench.end());

const settle = <T>(promise: Promise<T>) => bench.settle(promise);
/** An instance under its hook, and what names the action. */
const raiseAction = async () => {
  await raiseGroup(bench);
  const { instance, action } = await scaleIn(bench);
  const byInstance = { group: "workers", hook: retireHook.name, instanceId: instance.id };
  return { instance, action, byInstance, byToken: { ...byInstance, token: action.token } };
};

/** A client that loses the answer to its first call. */
const loseAnswer = (how: () => HttpResponse): AutoScaling => {
  const { awsHandler } = bench.surroundings;
  assert.ok(awsHandler);
  let lost = 0;
  return autoScalingClient({
    ...bench.surroundings,
    awsHandler: {
      ...awsHandler,
      async handle(request, options) {
        const answer = await awsHandler.handle(request, options);
        if (lost > 0) return answer;
        lost += 1;
        return { response: how() };
      },
    },
  });
};
const hangUp = (): HttpResponse => {
  throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
};

describe("an instance", () => {
  test("has a group and a state; none that nobody knows", async () => {
    const [instance] = await raiseGroup(bench);
    assert.deepEqual(await settle(autoScaling.describeInstance(instance?.id ?? "")), {
      group: "workers",
      lifecycleState: "InService",
    });
    assert.equal(await settle(autoScaling.describeInstance("i-0000000000000000f")), undefined);
  });

  test("is terminated with or without its place", async () => {
    const [one, other] = await raiseGroup(bench, { desired: 3 });
    assert.equal(await settle(autoScaling.terminate(one?.id ?? "", false)), true);
    assert.equal(bench.autoScaling.group("workers").desired, 3);
    bench.autoScaling.group("workers").min = 2;
    assert.equal(await settle(autoScaling.terminate(other?.id ?? "", true)), true);
    assert.equal(bench.autoScaling.group("workers").desired, 2);
    assert.equal(await settle(autoScaling.terminate(other?.id ?? "", true)), false);
  });

  test("gives up its place once, although the answer to that is lost", async () => {
    const [one] = await raiseGroup(bench, { desired: 3 });
    // The state machine looks what has become of it before it asks again.
    await assert.rejects(
      settle(loseAnswer(hangUp).terminate(one?.id ?? "", true)),
      /socket hang up/,
    );
    assert.equal(bench.autoScaling.group("workers").desired, 2);
    assert.match(one?.state ?? "", /^Terminating/);
  });

  for (const error of ["ScalingActivityInProgress", "ResourceContention"] as const) {
    test(`is terminated at the next try after ${error}`, async () => {
      const [one] = await raiseGroup(bench);
      bench.autoScaling.refuse("TerminateInstanceInAutoScalingGroup", error);
      await settle(autoScaling.terminate(one?.id ?? "", false)).catch(() =>
        settle(autoScaling.terminate(one?.id ?? "", false)),
      );
      assert.match(one?.state ?? "", /^Terminating/);
    });
  }
});

describe("a group", () => {
  test("has tags, and termination hooks with their limits", async () => {
    await raiseGroup(bench, {
      hooks: [
        retireHook,
        { ...othersHook, heartbeatTimeout: 60 },
        { ...retireHook, name: "launch", transition: "autoscaling:EC2_INSTANCE_LAUNCHING" },
      ],
      desired: 0,
    });
    const tags = await settle(autoScaling.groupTags("workers"));
    assert.equal(tags.get("drover:pool"), "workers");
    assert.deepEqual(await settle(autoScaling.terminationHooks("workers")), [
      { name: "drover-default/retire", heartbeatSeconds: 1728, globalSeconds: 172_800 },
      { name: "others-hook", heartbeatSeconds: 60, globalSeconds: 6000 },
    ]);
  });
});

describe("a lifecycle action", () => {
  test("gets heartbeats by its token, or by its instance where no event gave one", async () => {
    const { action, byInstance, byToken } = await raiseAction();
    assert.equal(await settle(autoScaling.heartbeat(byToken)), true);
    assert.equal(await settle(autoScaling.heartbeat(byInstance)), true);
    assert.equal(action.heartbeats.length, 2);
    assert.match(bench.sent.at(-2)?.body ?? "", /LifecycleActionToken=/);
    assert.doesNotMatch(bench.sent.at(-1)?.body ?? "", /LifecycleActionToken/);
  });

  test("is completed once; the second time it was over, which is no error", async () => {
    const { action, byToken } = await raiseAction();
    assert.equal(await settle(autoScaling.complete(byToken, "CONTINUE")), true);
    assert.deepEqual([action.outcome?.how, action.outcome?.result], ["completed", "CONTINUE"]);
    assert.equal(await settle(autoScaling.complete(byToken, "CONTINUE")), false);
    assert.equal(await settle(autoScaling.heartbeat(byToken)), false);
  });

  test("that has expired is over", async () => {
    const { action, byToken } = await raiseAction();
    await bench.until(() => action.outcome !== undefined, 2000_000);
    assert.equal(await settle(autoScaling.complete(byToken, "CONTINUE")), false);
  });

  test("of a group that was deleted by force is over", async () => {
    const action = { group: "gone", hook: retireHook.name, instanceId: "i-0a", token: "t" };
    assert.equal(await settle(autoScaling.heartbeat(action)), false);
    assert.equal(await settle(autoScaling.complete(action, "CONTINUE")), false);
  });

  test("is not over because a call was refused otherwise", async () => {
    const { byToken } = await raiseAction();
    bench.meddle(() => ({
      status: 400,
      body: "<ErrorResponse><Error><Code>ValidationError</Code><Message>1 validation error detected</Message></Error></ErrorResponse>",
    }));
    await assert.rejects(settle(autoScaling.complete(byToken, "CONTINUE")), /1 validation error/);
  });

  for (const [title, how] of [
    ["in the network", hangUp],
    ["in an error of Auto Scaling's own", () => answerWith(503, "")],
  ] as const) {
    test(`was completed by us when the answer to that is lost ${title}`, async () => {
      const { action, byToken } = await raiseAction();
      assert.equal(await settle(loseAnswer(how).complete(byToken, "CONTINUE")), true);
      assert.equal(action.outcome?.how, "completed");
      // What is lost is known of that call alone.
      assert.equal(await settle(autoScaling.complete(byToken, "CONTINUE")), false);
    });
  }

  test("that has expired is over also when the first call was throttled", async () => {
    const { action, byToken } = await raiseAction();
    await bench.until(() => action.outcome !== undefined, 2000_000);
    bench.autoScaling.refuse("CompleteLifecycleAction", "Throttling", 1);
    assert.equal(await settle(autoScaling.complete(byToken, "CONTINUE")), false);
  });

  test("is completed in spite of throttling", async () => {
    const { byToken } = await raiseAction();
    bench.autoScaling.refuse("CompleteLifecycleAction", "Throttling", 2);
    assert.equal(await settle(autoScaling.complete(byToken, "CONTINUE")), true);
  });
});
