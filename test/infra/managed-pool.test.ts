import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Annotations as CdkAnnotations, Duration } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import { AutoScalingGroup, LifecycleTransition } from "aws-cdk-lib/aws-autoscaling";
import { parse } from "valibot";
import type { PoolProps } from "../../infra/drover-props.ts";
import { poolSettings } from "../../lambdas/runtime/pool-settings.ts";
import { newDrover, newGroup, newStack, type Resource, resourcesOfType } from "./apps.ts";

const groupOf = (props: Partial<PoolProps> = {}): Resource["Properties"] => {
  const stack = newStack();
  newDrover(stack).manage(newGroup(stack), { pool: "workers", ...props });
  const [group] = resourcesOfType(stack, "AWS::AutoScaling::AutoScalingGroup");
  return group?.Properties ?? {};
};

const hook = {
  LifecycleHookName: "drover-default/retire",
  LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
  DefaultResult: "CONTINUE",
  HeartbeatTimeout: 1728,
};

describe("a group of the same app", () => {
  it("carries its hook in itself, so that its first instances have it too", () => {
    assert.deepEqual(groupOf()["LifecycleHookSpecificationList"], [hook]);
  });

  it("takes the heartbeat from the pool", () => {
    assert.deepEqual(groupOf({ heartbeat: Duration.hours(1) })["LifecycleHookSpecificationList"], [
      { ...hook, HeartbeatTimeout: 3600 },
    ]);
  });

  it("keeps the hooks that it has", () => {
    const stack = newStack();
    const group = newGroup(stack);
    const resource = group.node.defaultChild;
    if (!resource || !("lifecycleHookSpecificationList" in resource)) throw new Error("no group");
    resource.lifecycleHookSpecificationList = [
      {
        lifecycleHookName: "mine",
        lifecycleTransition: LifecycleTransition.INSTANCE_TERMINATING,
      },
    ];
    newDrover(stack).manage(group, { pool: "workers" });
    const [{ Properties } = { Properties: {} }] = resourcesOfType(
      stack,
      "AWS::AutoScaling::AutoScalingGroup",
    );
    const names = (Properties as { LifecycleHookSpecificationList: (typeof hook)[] })
      .LifecycleHookSpecificationList;
    assert.deepEqual(
      names.map(({ LifecycleHookName }) => LifecycleHookName),
      ["mine", "drover-default/retire"],
    );
  });

  it("has the tags of its cluster and pool, and its instances do not", () => {
    assert.deepEqual(groupOf()["Tags"], [
      { Key: "drover:cluster", Value: "default", PropagateAtLaunch: false },
      { Key: "drover:pool", Value: "workers", PropagateAtLaunch: false },
    ]);
  });

  it("launches before it terminates", () => {
    assert.deepEqual(groupOf()["InstanceMaintenancePolicy"], {
      MinHealthyPercentage: 100,
      MaxHealthyPercentage: 110,
    });
  });

  it("keeps a maintenance policy that it has", () => {
    const stack = newStack();
    const group = newGroup(stack, "Workers", {
      minHealthyPercentage: 90,
      maxHealthyPercentage: 120,
    });
    newDrover(stack).manage(group, { pool: "workers" });
    const [made] = resourcesOfType(stack, "AWS::AutoScaling::AutoScalingGroup");
    assert.deepEqual(made?.Properties["InstanceMaintenancePolicy"], {
      MinHealthyPercentage: 90,
      MaxHealthyPercentage: 120,
    });
  });

  it("retains instances whose hook is abandoned only when the pool says so", () => {
    assert.equal(groupOf()["InstanceLifecyclePolicy"], undefined);
    assert.deepEqual(groupOf({ onDrainFailure: "retain" })["InstanceLifecyclePolicy"], {
      RetentionTriggers: { TerminateHookAbandon: "retain" },
    });
  });

  it("needs no hook in a resource of its own", () => {
    const stack = newStack();
    newDrover(stack).manage(newGroup(stack), { pool: "workers" });
    assert.deepEqual(resourcesOfType(stack, "AWS::AutoScaling::LifecycleHook"), []);
  });
});

describe("an imported group", () => {
  const imported = () => {
    const stack = newStack();
    const group = AutoScalingGroup.fromAutoScalingGroupName(stack, "Legacy", "legacy");
    newDrover(stack, { cluster: "eu" }).manage(group, { pool: "legacy" });
    return stack;
  };

  it("gets a hook beside it, after all that answers it", () => {
    const [made] = resourcesOfType(imported(), "AWS::AutoScaling::LifecycleHook");
    assert.deepEqual(made?.Properties, {
      AutoScalingGroupName: "legacy",
      LifecycleHookName: "drover-eu/retire",
      LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
      DefaultResult: "CONTINUE",
      HeartbeatTimeout: 1728,
    });
    assert.ok(made.DependsOn?.some((id) => id.startsWith("DroverIntakeRule")));
  });

  it("has to be tagged by whoever makes it: the command is in a warning", () => {
    const stack = newStack();
    const group = AutoScalingGroup.fromAutoScalingGroupName(stack, "Legacy", "legacy");
    newDrover(stack, { cluster: "eu" }).manage(group, { pool: "legacy" });
    Annotations.fromStack(stack).hasWarning(
      "/Test/Legacy",
      Match.stringLikeRegexp(
        "aws autoscaling create-or-update-tags --tags ResourceId=legacy,.*Key=drover:cluster,Value=eu,.*ResourceId=legacy,.*Key=drover:pool,Value=legacy,",
      ),
    );
  });

  it("warns no more once somebody has said that it is", () => {
    const stack = newStack();
    const group = AutoScalingGroup.fromAutoScalingGroupName(stack, "Legacy", "legacy");
    newDrover(stack).manage(group, { pool: "legacy" });
    CdkAnnotations.of(group).acknowledgeWarning("drover:importedGroupTags");
    Annotations.fromStack(stack).hasNoWarning("*", Match.stringLikeRegexp("create-or-update-tags"));
  });

  it("is none that the same app makes: those get their tags", () => {
    const stack = newStack();
    newDrover(stack).manage(newGroup(stack), { pool: "workers" });
    Annotations.fromStack(stack).hasNoWarning("*", Match.stringLikeRegexp("create-or-update-tags"));
  });

  it("has its settings like any other", () => {
    const names = resourcesOfType(imported(), "AWS::SSM::Parameter").map(
      ({ Properties }) => Properties["Name"],
    );
    assert.deepEqual(new Set(names), new Set(["/drover/eu/pools/legacy", "/drover/eu/stop"]));
  });
});

describe("the settings of a pool", () => {
  const settingsOf = (props: Partial<PoolProps>): unknown => {
    const stack = newStack();
    newDrover(stack).manage(newGroup(stack), { pool: "workers", ...props });
    const parameter = resourcesOfType(stack, "AWS::SSM::Parameter").find(
      ({ Properties }) => Properties["Name"] === "/drover/default/pools/workers",
    );
    assert.equal(parameter?.Properties["Type"], "String");
    return JSON.parse(String(parameter?.Properties["Value"]));
  };

  it("are the functions' own defaults when nothing is said", () => {
    assert.deepEqual(settingsOf({}), parse(poolSettings, {}));
  });

  it("say everything that was given, in seconds, as the functions understand it", () => {
    const settings = settingsOf({
      drainDeadline: Duration.hours(1),
      batchDrainDeadline: Duration.hours(12),
      systemDrainDeadline: Duration.minutes(2),
      joinGrace: Duration.minutes(0),
      onDrainFailure: "retain",
      slots: 3,
      observeOnly: true,
    });
    assert.deepEqual(parse(poolSettings, settings), {
      drainDeadlineSeconds: 3600,
      batchDrainDeadlineSeconds: 43_200,
      systemDrainDeadlineSeconds: 120,
      joinGraceSeconds: 0,
      onDrainFailure: "retain",
      slots: 3,
      observeOnly: true,
    });
  });
});

describe("the slots of the cluster", () => {
  const clusterSlots = (given: number | undefined, ...pools: number[]): unknown => {
    const stack = newStack();
    const drover = newDrover(stack, given === undefined ? {} : { slots: given });
    pools.forEach((slots, index) => {
      drover.manage(newGroup(stack, `Group${index}`), { pool: `pool-${index}`, slots });
    });
    const variables = resourcesOfType(stack, "AWS::Lambda::Function").flatMap(({ Properties }) => {
      const { Variables } = Properties["Environment"] as { Variables: Record<string, unknown> };
      return "DROVER_CLUSTER_SLOTS" in Variables ? [Variables["DROVER_CLUSTER_SLOTS"]] : [];
    });
    const [first] = variables;
    assert.ok(variables.every((value) => value === first));
    return first;
  };

  it("are those of its largest pool when nothing is said", () => {
    assert.equal(clusterSlots(undefined), "1");
    assert.equal(clusterSlots(undefined, 1, 3, 2), "3");
  });

  it("are those that were given otherwise", () => {
    assert.equal(clusterSlots(5, 1, 3), "5");
  });
});
