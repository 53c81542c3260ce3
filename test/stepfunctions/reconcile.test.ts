import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { holdTag } from "../../lambdas/retire/hook-names.ts";
import { account, region } from "../../rehearsal/world.ts";
import {
  here,
  runs,
  retirements,
  minutes,
  call,
  stop,
  reconcile,
  until,
  pass,
  scaleIn,
  order,
  outcomeOf,
  operationsOf,
  leases,
  lose,
  useWorld,
} from "./reconciling.ts";

useWorld();

describe("an instance whose event was lost", () => {
  it("is found within the heartbeat of its hook, and drained all the same", async () => {
    lose();
    const [instance] = await scaleIn();
    assert.ok(instance);
    await until(() => instance.state === "Terminated", minutes(28));
    await until(() => retirements()[0]?.status === "SUCCEEDED");
    assert.equal(retirements().length, 1);
    const [end] = here.park.ends;
    assert.equal(end?.drain, "clean");
    assert.equal(outcomeOf(instance), "CONTINUE");
    assert.equal(here.park.nomad.truth.node(instance.id), undefined);
  });

  it("is left to a person who holds it", async () => {
    lose();
    const [instance] = await scaleIn();
    assert.ok(instance);
    const arn = `arn:aws:ec2:${region}:${account}:instance/${instance.id}`;
    here.world.tags.put(arn, holdTag, "");
    const { output } = await reconcile({});
    assert.match(output ?? "", /is held by its tag/);
    await pass(minutes(12));
    assert.equal(retirements().length, 0);
  });

  it("is not begun twice when its event comes after all", async () => {
    here.world.bus.setFaults({ latency: [minutes(3), minutes(9)] });
    const waiting = await scaleIn(2);
    await until(() => waiting.every(({ state }) => state === "Terminated"));
    await until(() => retirements().every(({ status }) => status !== "RUNNING"));
    assert.deepEqual(
      retirements().map(({ status }) => status),
      ["SUCCEEDED", "SUCCEEDED"],
    );
  });
});

describe("a retirement that somebody stopped", () => {
  for (const state of [
    "Take ownership",
    "Find node",
    "Cordon node",
    "Take slot",
    "Drain work",
    "Drain system jobs",
  ]) {
    it(`while at "${state}" is taken over, and its slot is free`, async () => {
      const [instance] = await scaleIn();
      assert.ok(instance);
      const enters = (arn: string) =>
        here.world.engine.runs
          .get(arn)
          ?.events.some((event) => event.type === "StateEntered" && event.state === state);
      const first = () => retirements()[0];
      await until(() => Boolean(first() && enters(first()!.executionArn)), minutes(4));
      await stop(first()!.executionArn);
      assert.equal(first()?.status, "ABORTED");
      await until(() => instance.state === "Terminated", minutes(20));
      await until(() => retirements().every(({ status }) => status !== "RUNNING"));
      assert.deepEqual(
        retirements().map(({ status }) => status),
        ["ABORTED", "SUCCEEDED"],
      );
      assert.equal(outcomeOf(instance), "CONTINUE");
      assert.equal(here.park.nomad.truth.node(instance.id), undefined);
      assert.deepEqual(leases(), []);
    });
  }

  it("frees its slot for the next one at once", async () => {
    const [one] = await scaleIn();
    assert.ok(one);
    await until(() => leases().length === 2, minutes(4));
    const stopped = retirements()[0]!;
    await stop(stopped.executionArn);
    await until(() => leases().every(({ holder }) => holder !== stopped.executionArn), minutes(2));
  });
});

describe("a run", () => {
  it("with nothing to do has four transitions and four calls", async () => {
    await until(() => runs().length === 1);
    await until(() => runs()[0]?.status === "SUCCEEDED");
    const run = here.world.engine.runs.get(runs()[0]!.executionArn);
    assert.equal(run?.transitions, 4);
    assert.deepEqual(operationsOf(runs()[0]!), [
      "TransactWriteItems",
      "DescribeAutoScalingGroups",
      "Scan",
      "DeleteItem",
    ]);
  });

  it("has seven transitions within a week after a retirement, and looks into Nomad once", async () => {
    const [instance] = await scaleIn();
    await until(() => retirements()[0]?.status === "SUCCEEDED");
    assert.equal(instance?.state, "Terminated");
    const before = runs().length;
    await until(() => runs().length > before && runs().at(-1)?.status === "SUCCEEDED");
    const run = runs().at(-1)!;
    assert.equal(here.world.engine.runs.get(run.executionArn)?.transitions, 7);
    const calls = operationsOf(run);
    assert.ok(!calls.includes("DescribeInstances"), "EC2 has nothing to be asked for");
    assert.deepEqual(calls.filter((each) => each.startsWith("GET ")).toSorted(), [
      "GET /v1/agent/members",
      "GET /v1/nodes",
      "GET /v1/nodes",
    ]);
  });

  it("without a mode says what it would repair, and writes nothing", async () => {
    lose();
    const [instance] = await scaleIn();
    assert.ok(instance);
    const run = await reconcile({});
    assert.equal(run.status, "SUCCEEDED");
    const report = JSON.parse(run.output ?? "") as { findings: string[]; repairs: unknown[] };
    assert.equal(report.findings.length, 1);
    assert.match(report.findings[0]!, new RegExp(`^${instance.id} waits under its hook`));
    assert.deepEqual(report.repairs, []);
    assert.deepEqual(
      operationsOf(run).filter(
        (operation) => !/^(Describe|List|Get|Scan$|BatchGet)/.test(operation),
      ),
      [],
    );
  });

  for (const { input, fault } of [
    { input: { mode: "fix" }, fault: /mode: has to be .*report.* or .*repair/ },
    { input: { repair: true }, fault: /repair: there is no such field/ },
    { input: [], fault: /has to be an object/ },
  ])
    it(`refuses ${JSON.stringify(input)} by name, with a right example`, async () => {
      const run = await reconcile(input);
      assert.equal(run.error, "InputRefused");
      assert.match(run.cause ?? "", fault);
      assert.match(run.cause ?? "", /Right are \{\}.*\{.*"mode.*": .*"repair.*"\}/);
    });

  it("that meets another one leaves", async () => {
    lose();
    await scaleIn();
    const outcomes = await Promise.all([
      call<{ executionArn: string }>("StartExecution", order),
      call<{ executionArn: string }>("StartExecution", order),
    ]);
    await until(() => runs().length >= 2 && runs().every(({ status }) => status === "SUCCEEDED"));
    assert.equal(outcomes.length, 2);
    const left = runs().filter(({ output }) => /Another run is under way/.test(output ?? ""));
    assert.equal(left.length, 1);
    assert.equal(retirements().length, 1);
  });

  it("does not wait for one that was stopped", async () => {
    lose();
    const [instance] = await scaleIn();
    const { executionArn } = await call<{ executionArn: string }>("StartExecution", order);
    await until(() => leases("lease#").length === 1);
    await stop(executionArn);
    const run = await reconcile({ mode: "repair" });
    assert.match(run.output ?? "", new RegExp(`hook of ${instance?.id}`));
    assert.equal(retirements().length, 1);
  });
});
