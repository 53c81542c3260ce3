import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { marshall } from "@aws-sdk/util-dynamodb";
import { HttpResponse } from "@smithy/protocol-http";
import { foreignInstance } from "../../rehearsal/world/emulated-park.ts";
import { region } from "../../rehearsal/world.ts";
import {
  here,
  retirements,
  minutes,
  stop,
  reconcile,
  until,
  pass,
  scaleIn,
  leases,
  lose,
  isEntering,
  isRemembered,
  record,
  retireByHand,
  reportOf,
  metricsOf,
  useWorld,
  raiseAnother,
} from "./reconciling.ts";

useWorld();

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
    await raiseAnother({ size: 32, pools: [{ pool: "workers", maxCapacity: 40 }] });
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
