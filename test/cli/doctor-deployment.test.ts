import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { stackStatusEvent } from "../../rehearsal/emulators/cloud-formation.ts";
import { seededBy } from "../../rehearsal/random.ts";
import { account, region } from "../../rehearsal/world.ts";
import { assertFinding, only } from "../lambdas/watch/findings.ts";
import { type DoctorWorld, type DoctorWorldOptions, raiseDoctorWorld } from "./doctor-world.ts";

let raised: DoctorWorld | undefined;
const raise = async (options?: DoctorWorldOptions): Promise<DoctorWorld> => {
  raised = await raiseDoctorWorld({ size: 1, ...options });
  return raised;
};
afterEach(() => {
  raised?.end();
  raised = undefined;
});

describe("a deployment", () => {
  const deploy = ({ world, pace }: DoctorWorld, status: string, stack = "Drover") =>
    world.bus.publish(
      stackStatusEvent(
        {
          stackId: `arn:aws:cloudformation:${region}:${account}:stack/${stack}/rehearsal`,
          region,
          account,
          now: pace.clock.now(),
          random: seededBy(1, "cloud-formation"),
        },
        status,
      ),
    );
  const doctored = ({ world }: DoctorWorld) =>
    world.stepFunctions
      .executions()
      .filter(({ stateMachineArn }) => stateMachineArn.endsWith(":drover-default-doctor"));
  const metrics = ({ world }: DoctorWorld): unknown[] =>
    world.log
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => "DoctorErrors" in line)
      .map((line) => line["DoctorErrors"]);

  for (const status of ["CREATE_COMPLETE", "UPDATE_COMPLETE"]) {
    it(`is checked once when it ends with ${status}`, async () => {
      const here = await raise();
      deploy(here, status);
      const isOver = () => doctored(here).some((one) => one.status === "SUCCEEDED");
      assert.ok(await here.pace.until(isOver, 300_000));
      assert.equal(doctored(here).length, 1);
      // The metric of the alarm: zero ends one that an earlier run has raised.
      assert.deepEqual(metrics(here), [0]);
    });
  }

  it("is checked when nothing works, and the alarm's metric tells", async () => {
    const here = await raise({ group: (group) => ({ ...group, hooks: [] }) });
    here.park.nomad.setOutage("silent");
    here.park.consul.setOutage("refused");
    deploy(here, "UPDATE_COMPLETE");
    const isOver = () => doctored(here).some((one) => one.status !== "RUNNING");
    assert.ok(await here.pace.until(isOver, 900_000));
    assert.deepEqual(
      doctored(here).map(({ status }) => status),
      ["SUCCEEDED"],
    );
    assert.deepEqual(metrics(here), [3]);
  });

  it("is not checked while it is under way, when it fails, or when it is another's", async () => {
    const here = await raise();
    deploy(here, "UPDATE_IN_PROGRESS");
    deploy(here, "UPDATE_ROLLBACK_COMPLETE");
    deploy(here, "DELETE_COMPLETE");
    deploy(here, "UPDATE_COMPLETE", "Another");
    assert.ok(await here.pace.until(() => here.world.underWay() === 0, 60_000));
    assert.deepEqual(doctored(here), []);
  });

  it("is checked although a function dies in the middle", async () => {
    const here = await raise();
    const { world, pace } = here;
    deploy(here, "UPDATE_COMPLETE");
    const isWaiting = () =>
      world.ledger.entries.filter(({ task }) => task === "watch/check-nomad").length > 5;
    assert.ok(await pace.until(isWaiting, 60_000));
    assert.equal(
      world.containers.kill(({ spec }) => spec.task === "watch/check-nomad"),
      1,
    );
    const isOver = () => doctored(here).some(({ status }) => status !== "RUNNING");
    assert.ok(await pace.until(isOver, 300_000));
    const [execution] = doctored(here);
    const report = JSON.parse(execution?.output ?? "null");
    assert.deepEqual([report.errors, report.warnings], [0, 0]);
  });

  it("is checked by those parts that run when one does not", async () => {
    const here = await raise();
    const { world } = here;
    world.containers.setFaults({ concurrency: 1000 });
    const broken = world.stack.functions.find(({ task }) => task === "watch/check-groups");
    assert.ok(broken);
    world.autoScaling.refuse("DescribeAutoScalingGroups", "Throttling", 1000);
    const findings = await here.examine();
    assertFinding(findings, "checks", "error", /the groups could not be checked: .*Rate exceeded/);
    assert.equal(only(findings, "nomad-connection").severity, "ok");
    assert.equal(only(findings, "consul-token").severity, "ok");
  });
});
