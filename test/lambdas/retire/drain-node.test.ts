import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { Hook } from "../../../lambdas/retire/retirement.ts";
import { type Bench, startBench } from "../bench.ts";
import type { RetirementChanges } from "../pool.ts";
import {
  awaitPass,
  awaitRound,
  drainByHand,
  type Draining,
  postedDrains,
  raiseWork,
  readyToDrain,
  startPass,
} from "./stages.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const web = { id: "web", groups: [{ count: 2 }] };
const endless = { id: "endless", type: "batch" as const };
const shipper = { id: "shipper", type: "system" as const };
const hookWith = (secondsLeft: number, heartbeatSeconds = 1728): Hook => ({
  name: "drover-default/retire",
  token: "token",
  heartbeatSeconds,
  startedAt: new Date(bench.clock.now()).toISOString(),
  deadline: new Date(bench.clock.now() + secondsLeft * 1000).toISOString(),
});
const secondsSince = (moment: number) => (bench.clock.now() - moment) / 1000;

/** The state of an execution whose drain has just begun. */
const draining = async (
  jobs: Parameters<typeof raiseWork>[1],
  changes: RetirementChanges & { slot?: Partial<Draining["slot"]> } = {},
) => {
  const instance = await raiseWork(bench, jobs);
  const { slot, ...rest } = changes;
  const ready = await readyToDrain(bench, instance, rest);
  const state = { ...ready, slot: { ...ready.slot, ...slot } };
  const drain = await startPass(bench, state);
  bench.operations();
  return { instance, state: { ...state, drain } };
};

describe("a drain", () => {
  test("is clean when everything has moved, and its end is seen at once", async () => {
    const { instance, state } = await draining([web, shipper]);
    const drain = await awaitPass(bench, state);
    assert.deepEqual(
      [drain.status, drain.outcome, drain.blockers, drain.cutOff],
      ["drained", "clean", [], []],
    );
    // The system job is left to the second pass.
    assert.equal(bench.nomad.truth.liveTasks(instance.id), 1);
    const node = bench.nomad.truth.node(instance.id);
    assert.ok(secondsSince(Date.parse(node?.LastDrain?.UpdatedAt ?? "")) < 3);
    assert.ok(secondsSince(Date.parse(drain.endedAt ?? "")) < 1);
  });

  test("is forced at its deadline, and says who was cut off", async () => {
    const { state } = await draining([endless], { settings: { drainDeadlineSeconds: 120 } });
    const drain = await awaitPass(bench, state);
    assert.deepEqual([drain.status, drain.outcome], ["drained", "forced"]);
    assert.deepEqual(
      drain.cutOff.map(({ job, type, allocations }) => [job, type, allocations]),
      [["endless", "batch", 1]],
    );
    assert.match(drain.explanation, /deadline was reached/);
  });

  test("stays forced through the pass of the system jobs", async () => {
    const { state } = await draining([endless, shipper], {
      settings: { drainDeadlineSeconds: 60 },
    });
    const work = await awaitPass(bench, state);
    const second = await startPass(bench, { ...state, drain: work }, "system");
    const drain = await awaitPass(bench, { ...state, drain: second });
    assert.deepEqual([drain.status, drain.outcome, drain.cutOff.length], ["drained", "forced", 1]);
  });

  test("waits for tasks that ignore SIGTERM, although Nomad calls it complete", async () => {
    const stubborn = { tasks: [{ stopSeconds: 20, killTimeoutSeconds: 25 }] };
    const { instance, state } = await draining([{ id: "stubborn", groups: [stubborn] }]);
    await awaitPass(bench, state);
    assert.equal(bench.nomad.truth.liveTasks(instance.id), 0);
    assert.deepEqual(bench.nomad.truth.losses.killedTasks, []);
  });

  test("waits for a poststop task of an allocation that has ended", async () => {
    const tasks = [{}, { lifecycle: "poststop" as const, runSeconds: 90 }];
    const { instance, state } = await draining([{ id: "tidy", groups: [{ tasks }] }]);
    await awaitPass(bench, state);
    assert.equal(bench.nomad.truth.liveTasks(instance.id), 0);
  });

  test("waits until the replacement has pulled the ephemeral disk", async () => {
    const ephemeralDisk = { migrate: true, pullSeconds: 40 };
    const { state } = await draining([{ id: "store", groups: [{ ephemeralDisk }] }]);
    const began = bench.clock.now();
    await awaitPass(bench, state);
    assert.ok(secondsSince(began) >= 40);
    assert.deepEqual(bench.nomad.truth.losses.emptyStarts, []);
  });

  test("goes on into another round while the ephemeral disk is still pulled, and says so", async () => {
    const ephemeralDisk = { migrate: true, pullSeconds: 600 };
    const { state } = await draining([{ id: "store", groups: [{ ephemeralDisk }] }], {
      hook: hookWith(48 * 3600, 900),
    });
    const drain = await awaitRound(bench, state);
    assert.equal(drain.status, "draining");
    assert.partialDeepStrictEqual(drain.blockers, [
      { job: "store", type: "service", why: "its replacement still pulls the ephemeral disk" },
    ]);
    await awaitPass(bench, { ...state, drain });
    assert.deepEqual(bench.nomad.truth.losses.emptyStarts, []);
  });

  test("whose job was purged meanwhile is over, though Nomad holds it open", async () => {
    const { instance, state } = await draining([endless]);
    bench.nomad.purgeJob("endless");
    const began = bench.clock.now();
    const drain = await awaitPass(bench, state);
    assert.deepEqual([drain.status, drain.outcome], ["drained", "clean"]);
    assert.ok(secondsSince(began) < 60, `${secondsSince(began)} s`);
    assert.notEqual(bench.nomad.truth.node(instance.id)?.DrainStrategy, undefined);
  });

  test("of a node that goes down is over: its work is lost and placed elsewhere", async () => {
    const { instance, state } = await draining([endless]);
    const round = awaitPass(bench, state);
    bench.nomad.powerOff(instance.id);
    const drain = await round;
    assert.deepEqual([drain.status, drain.outcome], ["drained", "forced"]);
    assert.match(drain.explanation, /went down/);
  });

  test("of an allocation that fits nowhere is forced at the deadline, and names it", async () => {
    const groups = [{ count: 2, size: 5 }];
    const instance = await raiseWork(bench, [{ id: "big", groups }]);
    bench.nomad.runJob({ id: "other", groups: [{ count: 7 }] });
    await bench.pass(30);
    const ready = await readyToDrain(bench, instance, { settings: { drainDeadlineSeconds: 300 } });
    const drain = await awaitRound(bench, { ...ready, drain: await startPass(bench, ready) });
    assert.equal(drain.outcome, "forced");
    assert.ok(drain.cutOff.some(({ job }) => job === "big"));
  });
});

describe("the first round", () => {
  test("begins the drain and waits, in one call", async () => {
    const instance = await raiseWork(bench, [web]);
    const drain = await awaitRound(bench, await readyToDrain(bench, instance));
    assert.deepEqual([drain.status, drain.outcome, drain.allocations], ["drained", "clean", 2]);
    assert.equal(bench.nomad.truth.liveTasks(instance.id), 0);
    assert.equal(postedDrains(bench).length, 1);
  });

  test("called again after it died in the middle goes on with the same drain", async () => {
    const state = await readyToDrain(bench, await raiseWork(bench, [endless]));
    const first = await awaitRound(bench, state);
    const again = await awaitRound(bench, state);
    assert.equal(postedDrains(bench).length, 1);
    assert.ok(Math.abs(Date.parse(again.until) - Date.parse(first.until)) < 1000);
  });

  test("with a slot that was taken anew looks again whether the drain is still there", async () => {
    const { instance, state } = await draining([endless]);
    await drainByHand(bench, state.node.id ?? "", null);
    const before = await awaitRound(bench, state);
    assert.deepEqual([before.status, postedDrains(bench).length], ["draining", 0]);
    const slot = { ...state.slot, takenAt: new Date(bench.clock.now()).toISOString() };
    await awaitRound(bench, { ...state, drain: before, slot });
    assert.equal(postedDrains(bench).length, 1);
    assert.notEqual(bench.nomad.truth.node(instance.id)?.DrainStrategy, null);
  });

  test("of the system jobs is the first after that of the work", async () => {
    const { instance, state } = await draining([web, shipper]);
    const work = await awaitPass(bench, state);
    const drain = await awaitRound(bench, { ...state, drain: work }, "system");
    assert.deepEqual([drain.pass, drain.status], ["system", "drained"]);
    assert.equal(bench.nomad.truth.liveTasks(instance.id), 0);
  });
});

describe("what a drain asks", () => {
  const reads = () =>
    bench.operations("nomad").filter((each) => each.startsWith("GET") && !each.includes("agent"));

  test("is the node and its work to begin with, and then only for what changes", async () => {
    const instance = await raiseWork(bench, [web]);
    const state = await readyToDrain(bench, instance);
    bench.operations();
    const drain = await awaitRound(bench, state);
    assert.equal(drain.status, "drained");
    // Before it: node and allocations. After it: a wait on the node, and one list for all.
    assert.equal(reads().length, 4);
  });

  test("does not keep it from saying who was cut off in its first wait", async () => {
    const instance = await raiseWork(bench, [web, endless]);
    const state = await readyToDrain(bench, instance, { settings: { drainDeadlineSeconds: 20 } });
    const drain = await awaitRound(bench, state);
    assert.deepEqual([drain.status, drain.outcome], ["drained", "forced"]);
    assert.ok(drain.cutOff.some(({ job }) => job === "endless"));
  });

  test("is no held connection at all where many nodes drain, from its first look on", async () => {
    const instance = await raiseWork(bench, [endless]);
    const ready = await readyToDrain(bench, instance);
    const drain = await awaitRound(bench, { ...ready, slot: { ...ready.slot, underWay: 41 } });
    assert.equal(drain.status, "draining");
    assert.ok(bench.sent.every(({ query }) => query["index"] === undefined));
  });
});

describe("a round of waiting", () => {
  test("ends when the hook needs its heartbeat, and says who still blocks", async () => {
    const { state } = await draining([endless], { hook: hookWith(48 * 3600, 900) });
    const began = bench.clock.now();
    const drain = await awaitRound(bench, state);
    assert.deepEqual([drain.status, drain.waitSeconds], ["draining", 0]);
    assert.ok(secondsSince(began) >= 405 && secondsSince(began) < 425);
    assert.match(drain.explanation, /Waits for endless \(still running\)/);
    assert.equal(drain.blockers[0]?.job, "endless");
  });

  test("ends in time for Lambda", async () => {
    const { state } = await draining([endless]);
    const drain = await awaitRound(bench, state);
    assert.equal(drain.status, "draining");
  });

  test("holds few connections, and asks seldom while nothing changes", async () => {
    const { state } = await draining([endless], { hook: hookWith(48 * 3600) });
    const began = bench.clock.now();
    await awaitRound(bench, state);
    const asked = bench.operations("nomad").length;
    const minutes = secondsSince(began) / 60;
    // One call every 50 seconds, with up to a sixteenth more, and a look at either end and
    // before the deadline.
    assert.ok(asked <= minutes * 1.2 + 8, `${asked} calls in ${minutes} minutes`);
  });

  test("waits for work whose end Nomad overlooks, and sees it at once", async () => {
    const groups = [{ tasks: [{ runSeconds: 120 }] }];
    const { instance, state } = await draining([{ id: "patrol", type: "sysbatch", groups }]);
    const drain = await awaitPass(bench, state);
    assert.deepEqual([drain.status, drain.outcome, drain.cutOff], ["drained", "clean", []]);
    assert.notEqual(bench.nomad.truth.node(instance.id)?.DrainStrategy, undefined);
    const [allocation] = bench.nomad.truth.allocations(instance.id);
    const late = secondsSince((allocation?.ModifyTime ?? 0) / 1e6);
    // Five seconds are how long nothing may be left before an open drain counts as over.
    assert.ok(late < 8, `${late} s late`);
    // Two looks of two calls, the waits of up to 50 seconds between, and one for the end.
    const asked = bench.operations("nomad");
    assert.ok(asked.length <= 9, asked.join(", "));
  });

  test("waits for batch work rather than for the services beside it", async () => {
    const groups = [{ tasks: [{ runSeconds: 90 }] }];
    const instance = await raiseWork(bench, [web, { id: "patrol", type: "sysbatch", groups }]);
    const state = await readyToDrain(bench, instance);
    bench.operations();
    const drain = await awaitRound(bench, state);
    assert.deepEqual([drain.status, drain.outcome], ["drained", "clean"]);
    const asked = bench.operations("nomad");
    assert.ok(asked.length <= 9, asked.join(", "));
  });

  test("waits for one allocation after the other", async () => {
    const groups = [40, 80, 120].map((runSeconds) => ({ tasks: [{ runSeconds }] }));
    const { instance, state } = await draining([{ id: "backup", type: "batch", groups }]);
    const drain = await awaitPass(bench, state);
    assert.deepEqual([drain.status, drain.outcome], ["drained", "clean"]);
    assert.equal(bench.nomad.truth.liveTasks(instance.id), 0);
  });

  test("names who was there at the deadline, and nobody who had ended before", async () => {
    const groups = [{ tasks: [{ runSeconds: 70 }] }];
    const { state } = await draining([{ id: "brief", type: "batch", groups }, endless], {
      settings: { drainDeadlineSeconds: 240 },
    });
    const drain = await awaitPass(bench, state);
    assert.deepEqual([drain.outcome, drain.cutOff.map(({ job }) => job)], ["forced", ["endless"]]);
  });

  test("is woken by nothing that changes elsewhere while tasks run out their time", async () => {
    const stubborn = { tasks: [{ stopSeconds: 20, killTimeoutSeconds: 25 }] };
    const { state } = await draining([{ id: "stubborn", groups: [stubborn] }]);
    let runs = 0;
    const busy = async () => {
      for (; runs < 20; runs += 1) {
        bench.nomad.runJob({ id: `busy-${runs}`, type: "batch", groups: [{ size: 0 }] });
        await bench.clock.sleep(1000);
      }
    };
    const [drain] = await Promise.all([awaitPass(bench, state), busy()]);
    assert.equal(drain.outcome, "clean");
    const asked = bench.operations("nomad").length;
    assert.ok(asked <= 12, `${asked} calls`);
  });

  test("sees its node go down while it waits for an allocation", async () => {
    const { instance, state } = await draining([endless]);
    const failing = bench.clock.sleep(30_000).then(() => bench.nomad.powerOff(instance.id));
    const [drain] = await Promise.all([awaitPass(bench, state), failing]);
    assert.match(drain.explanation, /went down/);
    // Its heartbeat is missed after ten to thirty seconds, and its work is lost right then.
    const asked = bench.operations("nomad");
    assert.ok(asked.length <= 9, asked.join(", "));
  });

  test("holds no connection at all while many nodes drain", async () => {
    const { state } = await draining([endless], { slot: { underWay: 41 } });
    const began = bench.clock.now();
    const drain = await awaitRound(bench, state);
    assert.equal(drain.status, "draining");
    assert.ok(drain.waitSeconds >= 11 && secondsSince(began) < 1);
    assert.ok(bench.sent.every(({ query }) => query["index"] === undefined));
  });

  test("gives way when Nomad is busy: no error, and counted nowhere", async () => {
    const { state } = await draining([endless]);
    bench.meddle(({ host }) =>
      host === "nomad.internal" ? { status: 429, body: "too many" } : undefined,
    );
    const drain = await awaitRound(bench, state);
    assert.equal(drain.status, "draining");
    assert.ok(drain.waitSeconds >= 11);
    // Also when its time is over: the history of an execution is finite.
    const late = { ...state.drain, giveUpAt: state.drain.startedAt };
    assert.ok((await awaitRound(bench, { ...state, drain: late })).waitSeconds >= 11);
    assert.deepEqual(bench.metrics(), []);
  });

  test("comes back in time to end the drain", async () => {
    const { state } = await draining([endless], { slot: { underWay: 41 } });
    const soon = new Date(bench.clock.now() + 5000).toISOString();
    const { waitSeconds } = await awaitRound(bench, {
      ...state,
      drain: { ...state.drain, giveUpAt: soon },
    });
    assert.ok(waitSeconds >= 4 && waitSeconds <= 6);
  });
});

describe("an outage", () => {
  test("is waited out, and counted, and decides nothing", async () => {
    const { state } = await draining([endless], { hook: hookWith(48 * 3600) });
    bench.nomad.setOutage("refused");
    const drain = await awaitRound(bench, state);
    assert.deepEqual([drain.status, drain.waitSeconds], ["draining", 0]);
    assert.match(drain.explanation, /Nomad unreachable/);
    assert.ok(bench.metrics().every((metric) => metric["NomadUnreachable"] === 1));
    bench.nomad.setOutage(undefined);
    bench.nomad.purgeJob("endless");
    assert.equal((await awaitPass(bench, { ...state, drain })).outcome, "clean");
  });

  test("outlasts the time of the drain itself without a word of Nomad's", async () => {
    const { state } = await draining([endless], {
      hook: hookWith(48 * 3600),
      settings: { drainDeadlineSeconds: 60 },
    });
    bench.nomad.setOutage("silent");
    const drain = await awaitRound(bench, state);
    assert.ok(bench.clock.now() > Date.parse(drain.giveUpAt));
    assert.equal(drain.status, "draining");
  });

  test("ends with the hook, a minute before Auto Scaling decides it", async () => {
    const { state } = await draining([endless], { hook: hookWith(600) });
    const limit = Date.parse(state.hook?.deadline ?? "");
    bench.nomad.setOutage("refused");
    const drain = await awaitPass(bench, state);
    assert.deepEqual([drain.status, drain.outcome], ["drained", "forced"]);
    assert.match(drain.explanation, /The hook lives no longer/);
    assert.ok(limit - bench.clock.now() >= 50_000 && limit - bench.clock.now() <= 60_000);
  });
});

describe("the time of a drain", () => {
  test("is over two minutes after its deadline, whatever Nomad says", async () => {
    const { state } = await draining([endless], { settings: { drainDeadlineSeconds: 60 } });
    // A client that cannot be heard neither stops its tasks nor is it down for Nomad.
    const frozen = { ...state, drain: { ...state.drain, giveUpAt: state.drain.startedAt } };
    const drain = await awaitRound(bench, frozen);
    assert.deepEqual([drain.status, drain.outcome], ["drained", "forced"]);
    assert.match(drain.explanation, /The time is over; still there: endless/);
    assert.deepEqual(
      drain.cutOff.map(({ job }) => job),
      ["endless"],
    );
  });

  test("is shorter under a hook that became tighter since it began", async () => {
    const { state } = await draining([endless], { hook: hookWith(48 * 3600) });
    const tighter = hookWith(300);
    const drain = await awaitPass(bench, { ...state, hook: tighter });
    assert.deepEqual([drain.status, drain.outcome], ["drained", "forced"]);
    const left = (Date.parse(tighter.deadline) - bench.clock.now()) / 1000;
    assert.ok(left >= 55 && left <= 62, `${left} s are left`);
  });
});

test("nothing is posted while waiting", async () => {
  const { state } = await draining([web]);
  await awaitPass(bench, state);
  assert.deepEqual(postedDrains(bench), []);
});
