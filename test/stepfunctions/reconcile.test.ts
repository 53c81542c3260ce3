import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { HttpResponse } from "@smithy/protocol-http";
import { reconcileMachineName, retireMachineName } from "../../infra/names.ts";
import { holdTag } from "../../lambdas/retire/hook-names.ts";
import type { Instance } from "../../rehearsal/emulators/auto-scaling/state.ts";
import type { Execution } from "../../rehearsal/emulators/step-functions.ts";
import { foreignInstance } from "../../rehearsal/world/emulated-park.ts";
import { account, region } from "../../rehearsal/world.ts";
import { type DoctorWorld, raiseDoctorWorld } from "../cli/doctor-world.ts";

let here: DoctorWorld;
beforeEach(async () => void (here = await raiseDoctorWorld({ size: 3 })));
afterEach(() => here.end());

const machine = (name: string) => `arn:aws:states:${region}:${account}:stateMachine:${name}`;
const executionsOf = (name: string): Execution[] =>
  here.world.stepFunctions
    .executions()
    .filter(({ stateMachineArn }) => stateMachineArn === machine(name));
const runs = () => executionsOf(reconcileMachineName("default"));
const retirements = () => executionsOf(retireMachineName("default"));
const minutes = (count: number) => count * 60_000;

const call = async <T>(operation: string, body: unknown): Promise<T> => {
  const request = new Request(`https://states.${region}.amazonaws.com/`, {
    method: "POST",
    headers: { "x-amz-target": `AWSStepFunctions.${operation}` },
    body: JSON.stringify(body),
  });
  return (await (await here.world.stepFunctions.service(request)).json()) as T;
};
/** As a person does in the console. */
const stop = (executionArn: string) => call("StopExecution", { executionArn });
const reconcile = async (input: unknown): Promise<Execution> => {
  const { executionArn } = await call<{ executionArn: string }>("StartExecution", {
    stateMachineArn: machine(reconcileMachineName("default")),
    input: JSON.stringify(input),
  });
  const run = () => runs().find((each) => each.executionArn === executionArn);
  assert.ok(await here.pace.until(() => run()?.status !== "RUNNING", minutes(30)));
  return run()!;
};
const until = async (holds: () => boolean, within = minutes(60)) =>
  assert.ok(await here.pace.until(holds, within), "it did not come to that");
const pass = (span: number) => here.pace.await(here.world.clock.sleep(span));

/** The group ends one instance. */
const scaleIn = async (count = 1): Promise<Instance[]> => {
  const { autoScaling } = here.world;
  const [group] = here.world.stack.groups;
  assert.ok(group);
  autoScaling.scaleTo(group.name, autoScaling.group(group.name).desired - count);
  const waiting = () =>
    autoScaling.instances(group.name).filter(({ state }) => state === "Terminating:Wait");
  await until(() => waiting().length === count, minutes(2));
  return waiting();
};
const order = {
  stateMachineArn: machine(reconcileMachineName("default")),
  input: JSON.stringify({ mode: "repair" }),
};
const outcomeOf = ({ actions }: Instance) => actions.at(-1)?.outcome?.result;
const operationsOf = ({ executionArn }: Execution) =>
  here.world.ledger.entries
    .filter(({ subject }) => subject.executionArn === executionArn)
    .map(({ operation }) => operation);
const leases = (prefix = "slot#"): { pk: string; holder: string }[] =>
  here.world.stack.tables.flatMap(
    ({ name }) =>
      here.world.dynamoDb
        .items(name)
        .map((item) => unmarshall(item as Record<string, AttributeValue>))
        .filter(({ pk }) => String(pk).startsWith(prefix)) as { pk: string; holder: string }[],
  );
const lose = () => here.world.bus.setFaults({ losses: 1 });

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

const isEntering = (arn: string, state: string) =>
  here.world.engine.runs
    .get(arn)
    ?.events.some((event) => event.type === "StateEntered" && event.state === state);
const isRemembered = (id: string) =>
  here.park.nomad.truth.node(id) !== undefined || here.park.consul.truth.remembers(id);
const record = (id: string): { phase: string; left?: string[]; execution: string } | undefined =>
  here.world.stack.tables.flatMap(({ name }) =>
    here.world.dynamoDb
      .items(name)
      .map((item) => unmarshall(item as Record<string, AttributeValue>))
      .filter(({ pk }) => pk === `instance#${id}`),
  )[0]?.["ownership"];
const retireByHand = async (instanceId: string): Promise<string> => {
  const { executionArn } = await call<{ executionArn: string }>("StartExecution", {
    stateMachineArn: machine(retireMachineName("default")),
    input: JSON.stringify({ instanceId }),
  });
  return executionArn;
};
const reportOf = ({ output }: Execution) =>
  JSON.parse(output ?? "{}") as { findings: string[]; repairs: unknown[]; unknown: string[] };
const metricsOf = (name: string): number[] =>
  here.world.log
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => "_aws" in line && name in line)
    .map((line) => line[name] as number);

describe("an instance that ended while nobody made Nomad and Consul forget it", () => {
  for (const state of ["Complete hook", "Await termination", "Forget node"]) {
    it(`since its execution was stopped at "${state}", is forgotten`, async () => {
      const [instance] = await scaleIn();
      assert.ok(instance);
      const first = () => retirements()[0]!;
      await until(
        () => retirements().length === 1 && isEntering(first().executionArn, state) === true,
        minutes(6),
      );
      await stop(first().executionArn);
      await until(() => instance.state === "Terminated", minutes(20));
      await until(() => !isRemembered(instance.id), minutes(20));
      await until(() => record(instance.id)?.phase === "retired", minutes(10));
    });
  }

  /** Retired by our own record, and Nomad remembers it all the same, as it does one that came back. */
  const retireAndRemember = async (count: number): Promise<string[]> => {
    const waiting = await scaleIn(count);
    await until(() => retirements().length === count);
    const [table] = here.world.stack.tables;
    for (const execution of retirements()) await stop(execution.executionArn);
    const ids = waiting.map(({ id }) => id);
    for (const id of ids) {
      const item = {
        pk: `instance#${id}`,
        ownership: { ...record(id), phase: "retired", left: [] },
      };
      here.world.dynamoDb.put(table!.name, marshall(item) as never);
    }
    for (const { id, actions } of waiting) {
      const action = actions.at(-1)!;
      await here.pace.await(
        here.world.autoScaling.service(
          new Request(`https://autoscaling.${region}.amazonaws.com/`, {
            method: "POST",
            body: new URLSearchParams({
              Action: "CompleteLifecycleAction",
              Version: "2011-01-01",
              AutoScalingGroupName: here.world.stack.groups[0]!.name,
              LifecycleHookName: action.hook.name,
              InstanceId: id,
              LifecycleActionResult: "CONTINUE",
            }),
          }),
        ),
      );
    }
    await until(() => waiting.every((instance) => instance.state === "Terminated"), minutes(5));
    return ids;
  };

  it("is forgotten, once Nomad has noticed that its node is down", async () => {
    const ids = await retireAndRemember(2);
    await until(() => ids.every((id) => !isRemembered(id)), minutes(20));
  });

  it("is left alone while EC2 does not say that it has ended", async () => {
    const ids = await retireAndRemember(1);
    here.world.ec2.put({ id: ids[0]!, state: "running" });
    await pass(minutes(15));
    assert.ok(ids.every(isRemembered));
    assert.match(reportOf(await reconcile({})).findings.join(), /EC2 says that .* is running/);
  });

  it("is left alone while Drover is stopped", async () => {
    here.world.ssm.put("/drover/default/stop", "stop");
    const ids = await retireAndRemember(1);
    await pass(minutes(15));
    assert.ok(ids.every(isRemembered));
    here.world.ssm.put("/drover/default/stop", "go");
    await until(() => !ids.some(isRemembered), minutes(12));
  });

  it("is left alone with all others when they are too many, and that is counted", async () => {
    here.end();
    here = await raiseDoctorWorld({ size: 32, pools: [{ pool: "workers", maxCapacity: 40 }] });
    const ids = await retireAndRemember(30);
    await pass(minutes(15));
    assert.equal(ids.filter(isRemembered).length, 30);
    const capped = metricsOf("ReconcilerCapped");
    assert.ok(capped.length > 0 && capped.every((count) => count > 10));
  });

  it("of somebody else is none of our business", async () => {
    await here.pace.await(here.park.addForeign());
    here.park.nomad.powerOff(foreignInstance);
    here.world.ec2.put({ id: foreignInstance, state: "terminated" });
    const ids = await retireAndRemember(1);
    await until(() => !ids.some(isRemembered), minutes(20));
    assert.equal(here.park.nomad.truth.node(foreignInstance)?.Status, "down");
  });

  it("is not decided about while Nomad lists none of the instances that there are", async () => {
    const blind = here.world.ledger.interfere(async (outgoing, send) => {
      if (outgoing.operation !== "GET /v1/nodes") return send();
      const { response } = await send();
      const body = Readable.from([Buffer.from("[]")], { objectMode: false });
      return {
        response: new HttpResponse({
          statusCode: response.statusCode,
          headers: response.headers,
          body,
        }),
      };
    });
    const ids = await retireAndRemember(1);
    const { unknown, repairs } = reportOf(await reconcile({ mode: "repair" }));
    assert.match(unknown.join(), /Nomad knows no EC2 instance at all, and 2 are in service/);
    assert.deepEqual(repairs, []);
    blind();
    await until(() => !ids.some(isRemembered), minutes(20));
  });

  it("is forgotten hours later too, when EC2 no longer knows it", async () => {
    const reach = here.world.ledger.interfere((outgoing, send) =>
      outgoing.task === "watch/look-at-cluster" ? Promise.reject(new Error("reset")) : send(),
    );
    const ids = await retireAndRemember(1);
    await pass(minutes(90));
    assert.ok(ids.every(isRemembered), "nothing is decided about what does not answer");
    assert.ok(metricsOf("ReconcilerUnknowns").length > 10);
    reach();
    await until(() => !ids.some(isRemembered), minutes(12));
  });
});

describe("a retirement by hand that was stopped", () => {
  const begin = async (state: string) => {
    const [instance] = here.world.autoScaling.instances(here.world.stack.groups[0]!.name);
    assert.ok(instance);
    const execution = await retireByHand(instance.id);
    await until(() => isEntering(execution, state) === true, minutes(5));
    return { instance, execution };
  };
  const node = (id: string) => here.park.nomad.truth.node(id)!;

  for (const state of ["Cordon node", "Take slot", "Drain system jobs"]) {
    it(`at "${state}" leaves its node as it was`, async () => {
      const { instance, execution } = await begin(state);
      await until(() => node(instance.id).SchedulingEligibility === "ineligible");
      await stop(execution);
      await until(() => node(instance.id).SchedulingEligibility === "eligible", minutes(12));
      assert.equal(node(instance.id).DrainStrategy, null);
      assert.equal(instance.state, "InService");
      await until(() => record(instance.id)?.phase === "failed");
      assert.deepEqual(leases(), []);
    });
  }

  it("and begun anew, and stopped once more, leaves its node as it was", async () => {
    const first = await begin("Take slot");
    lose();
    await stop(first.execution);
    const second = await retireByHand(first.instance.id);
    await until(() => isEntering(second, "Drain work") === true);
    await stop(second);
    await until(() => node(first.instance.id).SchedulingEligibility === "eligible", minutes(12));
    assert.equal(node(first.instance.id).DrainStrategy, null);
    await until(() => record(first.instance.id)?.phase === "failed");
  });

  it("leaves a cordon alone that a person has made since", async () => {
    const { instance, execution } = await begin("Take slot");
    lose();
    await stop(execution);
    const path = `/v1/node/${node(instance.id).ID}/eligibility`;
    await here.pace.await(here.park.operate(path, { Eligibility: "eligible" }));
    await pass(20_000);
    await here.pace.await(here.park.operate(path, { Eligibility: "ineligible" }));
    await pass(minutes(12));
    assert.equal(node(instance.id).SchedulingEligibility, "ineligible");
    assert.equal(record(instance.id)?.phase, "failed", "Drover has nothing to do with it any more");
  });
});

describe("what does not answer", () => {
  for (const { service, part } of [
    { service: "autoscaling", part: "Auto Scaling" },
    { service: "states", part: "Step Functions" },
    { service: "tagging", part: "tags" },
  ])
    it(`is decided nothing about: ${part}`, async () => {
      lose();
      const [instance] = await scaleIn();
      here.world.ledger.interfere((outgoing, send) =>
        outgoing.service === service && outgoing.task.startsWith("watch/")
          ? Promise.reject(new Error("connection reset"))
          : send(),
      );
      // A slot whose holder nobody asks about.
      const run = await reconcile({ mode: "repair" });
      assert.equal(run.status, "SUCCEEDED");
      const report = JSON.parse(run.output ?? "") as { repairs: unknown[]; unknown: string[] };
      if (service !== "states") {
        assert.match(report.unknown.join(), new RegExp(part));
        assert.deepEqual(report.repairs, []);
        assert.equal(retirements().length, 0);
      }
      assert.equal(instance?.state, "Terminating:Wait");
    });
});
