import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  AttachInstancesCommand,
  CompleteLifecycleActionCommand,
  CreateOrUpdateTagsCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeInstanceRefreshesCommand,
  DescribeLifecycleHooksCommand,
  DescribeTagsCommand,
  paginateDescribeAutoScalingInstances,
  PutLifecycleHookCommand,
  ResourceContentionFault,
  ResumeProcessesCommand,
  ScalingActivityInProgressFault,
  SetDesiredCapacityCommand,
  SetInstanceProtectionCommand,
  SuspendProcessesCommand,
  TerminateInstanceInAutoScalingGroupCommand,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";

import { createWorld, launchHook, terminateHook } from "./world.ts";

const AutoScalingGroupName = "workers";

const refusal = (message: string) => ({ name: "ValidationError", message });

describe("describing", () => {
  it("shows groups as they are, with or without instances", async () => {
    const { client, settle, emulator } = createWorld();
    await settle({ min: 1, tags: { "drover:pool": "<a> & b" } });
    const { AutoScalingGroups } = await client.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: ["workers", "absent"] }),
    );
    const [group, ...others] = AutoScalingGroups ?? [];
    assert.deepEqual(others, []);
    assert.partialDeepStrictEqual(group, {
      AutoScalingGroupName,
      AutoScalingGroupARN: emulator.group("workers").arn,
      MinSize: 1,
      MaxSize: 10,
      DesiredCapacity: 2,
      CreatedTime: new Date(Date.UTC(2026, 0, 1)),
      NewInstancesProtectedFromScaleIn: false,
      InstanceLifecyclePolicy: { RetentionTriggers: { TerminateHookAbandon: "terminate" } },
      Tags: [{ Key: "drover:pool", Value: "<a> & b", PropagateAtLaunch: false }],
      Instances: emulator.instances().map(({ id }) => ({
        InstanceId: id,
        LifecycleState: "InService",
        HealthStatus: "Healthy",
        ProtectedFromScaleIn: false,
        LaunchTemplate: { Version: "1" },
      })),
    });
    const without = await client.send(
      new DescribeAutoScalingGroupsCommand({ IncludeInstances: false }),
    );
    assert.deepEqual(without.AutoScalingGroups?.[0]?.Instances ?? [], []);
  });

  it("finds groups by their tags", async () => {
    const { client, emulator } = createWorld();
    emulator.createGroup({ name: "a", tags: { "drover:pool": "workers" } });
    emulator.createGroup({ name: "b", tags: { "drover:pool": "batch", other: "x" } });
    emulator.createGroup({ name: "c" });
    const find = async (...filters: { Name: string; Values: string[] }[]) => {
      const answer = await client.send(new DescribeAutoScalingGroupsCommand({ Filters: filters }));
      return answer.AutoScalingGroups?.map((group) => group.AutoScalingGroupName);
    };
    assert.deepEqual(await find({ Name: "tag-key", Values: ["drover:pool"] }), ["a", "b"]);
    assert.deepEqual(await find({ Name: "tag:drover:pool", Values: ["batch"] }), ["b"]);
    assert.deepEqual(
      await find(
        { Name: "tag:drover:pool", Values: ["workers", "batch"] },
        { Name: "tag-value", Values: ["x"] },
      ),
      ["b"],
    );
  });

  it("shows instances, page by page, and leaves out those it does not know", async () => {
    const { client, settle, emulator } = createWorld();
    await settle({ desired: 70, max: 70 });
    const seen: (string | undefined)[] = [];
    let pages = 0;
    for await (const page of paginateDescribeAutoScalingInstances({ client }, {})) {
      pages += 1;
      seen.push(...(page.AutoScalingInstances ?? []).map((each) => each.InstanceId));
    }
    assert.equal(pages, 2);
    assert.deepEqual(
      seen,
      emulator.instances().map(({ id }) => id),
    );
    const [first] = emulator.instances();
    const { AutoScalingInstances } = await client.send(
      new DescribeAutoScalingInstancesCommand({ InstanceIds: ["i-0absent", first!.id] }),
    );
    assert.equal(AutoScalingInstances?.length, 1);
    assert.partialDeepStrictEqual(AutoScalingInstances[0], {
      InstanceId: first!.id,
      AutoScalingGroupName,
      LifecycleState: "InService",
      HealthStatus: "HEALTHY",
    });
    await assert.rejects(client.send(new DescribeAutoScalingInstancesCommand({ MaxRecords: 51 })), {
      name: "ValidationError",
    });
  });

  it("shows hooks with their global limit", async () => {
    const { client, settle } = createWorld();
    await settle({ hooks: [launchHook, terminateHook] });
    const read = async (LifecycleHookNames?: string[]) => {
      const answer = await client.send(
        new DescribeLifecycleHooksCommand({ AutoScalingGroupName, LifecycleHookNames }),
      );
      return answer.LifecycleHooks ?? [];
    };
    assert.deepEqual(
      (await read()).map((hook) => [hook.LifecycleHookName, hook.GlobalTimeout]),
      [
        ["drover-launch", 60_000],
        ["drover-terminate", 172_800],
      ],
    );
    assert.deepEqual(await read(["drover-terminate"]), [
      {
        AutoScalingGroupName,
        LifecycleHookName: "drover-terminate",
        LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
        NotificationMetadata: "pool=workers",
        HeartbeatTimeout: 1728,
        GlobalTimeout: 172_800,
        DefaultResult: "CONTINUE",
      },
    ]);
    await assert.rejects(
      client.send(new DescribeLifecycleHooksCommand({ AutoScalingGroupName: "absent" })),
      refusal("AutoScalingGroup name not found - AutoScalingGroup absent not found"),
    );
  });

  it("shows instance refreshes, the latest first", async () => {
    const { client, settle, emulator } = createWorld();
    await settle();
    const read = async () => {
      const answer = await client.send(
        new DescribeInstanceRefreshesCommand({ AutoScalingGroupName }),
      );
      return answer.InstanceRefreshes?.map(({ Status }) => Status) ?? [];
    };
    assert.deepEqual(await read(), []);
    emulator.refreshInstances("workers");
    assert.deepEqual(await read(), ["InProgress"]);
    emulator.refreshInstances("workers", "Successful");
    emulator.refreshInstances("workers", "Pending");
    assert.deepEqual(await read(), ["Pending", "Successful"]);
  });

  it("shows the tags of groups by filters", async () => {
    const { client, emulator } = createWorld();
    emulator.createGroup({ name: "a", tags: { "drover:pool": "workers", x: "1" } });
    emulator.createGroup({ name: "b", tags: { "drover:pool": "batch" } });
    const { Tags } = await client.send(
      new DescribeTagsCommand({
        Filters: [
          { Name: "auto-scaling-group", Values: ["a"] },
          { Name: "key", Values: ["drover:pool"] },
        ],
      }),
    );
    assert.deepEqual(Tags, [
      {
        ResourceId: "a",
        ResourceType: "auto-scaling-group",
        Key: "drover:pool",
        Value: "workers",
        PropagateAtLaunch: false,
      },
    ]);
  });
});

describe("changing", () => {
  it("terminates with and without a replacement", async () => {
    const { client, settle, emulator, clock, inState } = createWorld();
    const group = await settle({ min: 1 });
    const terminate = async (decrement: boolean) => {
      const [instance] = inState("InService");
      const { Activity } = await client.send(
        new TerminateInstanceInAutoScalingGroupCommand({
          InstanceId: instance!.id,
          ShouldDecrementDesiredCapacity: decrement,
        }),
      );
      assert.equal(Activity?.StatusCode, "InProgress");
      assert.ok(Activity.StartTime instanceof Date);
      await clock.pass(600_000);
      assert.equal(instance!.state, "Terminated");
      return instance!;
    };
    await terminate(false);
    assert.deepEqual([group.desired, inState("InService").length], [2, 2]);
    const gone = await terminate(true);
    assert.deepEqual([group.desired, inState("InService").length], [1, 1]);
    await assert.rejects(
      terminate(true),
      refusal(
        "Currently, desiredSize equals minSize (1). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
      ),
    );
    await assert.rejects(
      client.send(
        new TerminateInstanceInAutoScalingGroupCommand({
          InstanceId: gone.id,
          ShouldDecrementDesiredCapacity: false,
        }),
      ),
      refusal(`Instance Id not found - No managed instance found for instance ID: ${gone.id}`),
    );
    assert.equal(emulator.instances().length, 3);
  });

  it("sets the desired capacity within the bounds", async () => {
    const { client, settle, clock, inState } = createWorld();
    await settle({ min: 1, max: 4 });
    const set = (DesiredCapacity: number) =>
      client.send(new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity }));
    await set(4);
    await clock.pass(300_000);
    assert.equal(inState("InService").length, 4);
    await assert.rejects(
      set(5),
      refusal("New SetDesiredCapacity value 5 is above max value 4 for the AutoScalingGroup."),
    );
    await assert.rejects(
      set(0),
      refusal("New SetDesiredCapacity value 0 is below min value 1 for the AutoScalingGroup."),
    );
  });

  it("updates bounds, protection and launch template for what is launched from then on", async () => {
    const { client, settle, clock, inState } = createWorld();
    const group = await settle({ max: 2 });
    await client.send(
      new UpdateAutoScalingGroupCommand({
        AutoScalingGroupName,
        MinSize: 3,
        MaxSize: 5,
        NewInstancesProtectedFromScaleIn: true,
        LaunchTemplate: { LaunchTemplateId: "lt-1", Version: "7" },
      }),
    );
    assert.equal(group.desired, 3, "moved to the new minimum");
    await clock.pass(300_000);
    assert.deepEqual(
      inState("InService").map((each) => [each.launchTemplate.version, each.protectedFromScaleIn]),
      [
        ["1", false],
        ["1", false],
        ["7", true],
      ],
    );
    await assert.rejects(
      client.send(new UpdateAutoScalingGroupCommand({ AutoScalingGroupName, DesiredCapacity: 9 })),
      { name: "ValidationError" },
    );
  });

  it("protects instances that are in service", async () => {
    const { client, settle, inState } = createWorld();
    await settle();
    const [instance] = inState("InService");
    const protect = (id: string) =>
      client.send(
        new SetInstanceProtectionCommand({
          AutoScalingGroupName,
          InstanceIds: [id],
          ProtectedFromScaleIn: true,
        }),
      );
    await protect(instance!.id);
    assert.equal(instance!.protectedFromScaleIn, true);
    await assert.rejects(protect("i-0absent"), { name: "ValidationError" });
  });

  it("tags groups", async () => {
    const { client, emulator, settle } = createWorld();
    await settle();
    const tag = (ResourceId: string) =>
      client.send(
        new CreateOrUpdateTagsCommand({
          Tags: [{ ResourceId, ResourceType: "auto-scaling-group", Key: "k", Value: "v" }],
        }),
      );
    await tag("workers");
    assert.equal(emulator.group("workers").tags.get("k")?.value, "v");
    await assert.rejects(
      tag("absent"),
      refusal("AutoScalingGroup not found - AutoScaling Group absent not found"),
    );
  });

  it("puts hooks, which abandon by default", async () => {
    const { client, emulator, settle } = createWorld();
    await settle();
    const put = (more: object) =>
      client.send(
        new PutLifecycleHookCommand({ AutoScalingGroupName, LifecycleHookName: "hook", ...more }),
      );
    await assert.rejects(put({}), { name: "ValidationError" });
    await put({ LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING" });
    assert.deepEqual(emulator.group("workers").hooks.get("hook"), {
      name: "hook",
      transition: "autoscaling:EC2_INSTANCE_TERMINATING",
      heartbeatTimeout: 3600,
      defaultResult: "ABANDON",
      notificationMetadata: undefined,
    });
    await put({ HeartbeatTimeout: 30, DefaultResult: "CONTINUE" });
    assert.partialDeepStrictEqual(emulator.group("workers").hooks.get("hook"), {
      heartbeatTimeout: 30,
      defaultResult: "CONTINUE",
    });
  });

  it("suspends and resumes processes, all when none is named", async () => {
    const { client, emulator, settle } = createWorld();
    await settle();
    const { suspended } = emulator.group("workers");
    const suspend = (ScalingProcesses?: string[]) =>
      client.send(new SuspendProcessesCommand({ AutoScalingGroupName, ScalingProcesses }));
    await suspend(["AZRebalance", "InstanceRefresh"]);
    assert.deepEqual([...suspended], ["AZRebalance", "InstanceRefresh"]);
    await client.send(
      new ResumeProcessesCommand({ AutoScalingGroupName, ScalingProcesses: ["AZRebalance"] }),
    );
    assert.deepEqual([...suspended], ["InstanceRefresh"]);
    await suspend();
    assert.equal(suspended.size, 9);
    await assert.rejects(suspend(["Nothing"]), { name: "ValidationError" });
  });
});

describe("errors", () => {
  it("come on demand, as many as were asked for", async () => {
    const { client, emulator, settle, inState } = createWorld();
    await settle();
    const InstanceId = inState("InService")[0]!.id;
    const terminate = () =>
      client.send(
        new TerminateInstanceInAutoScalingGroupCommand({
          InstanceId,
          ShouldDecrementDesiredCapacity: false,
        }),
      );
    emulator.refuse("TerminateInstanceInAutoScalingGroup", "ScalingActivityInProgress");
    await assert.rejects(terminate(), ScalingActivityInProgressFault);
    emulator.refuse("TerminateInstanceInAutoScalingGroup", "ResourceContention", 2);
    await assert.rejects(terminate(), ResourceContentionFault);
    await assert.rejects(terminate(), ResourceContentionFault);
    emulator.refuse("TerminateInstanceInAutoScalingGroup", "Throttling");
    await assert.rejects(terminate(), { name: "Throttling", message: "Rate exceeded" });
    await terminate();
  });

  it("tell what is unknown, and fail on what is not emulated", async () => {
    const { client, settle } = createWorld();
    await settle();
    await assert.rejects(
      client.send(
        new CompleteLifecycleActionCommand({
          AutoScalingGroupName: "absent",
          LifecycleHookName: "hook",
          LifecycleActionResult: "CONTINUE",
          InstanceId: "i-1",
        }),
      ),
      refusal("AutoScalingGroup name not found - AutoScalingGroup absent not found"),
    );
    await assert.rejects(
      client.send(new AttachInstancesCommand({ AutoScalingGroupName, InstanceIds: ["i-1"] })),
      /AttachInstances is not emulated/,
    );
    await assert.rejects(
      client.send(new UpdateAutoScalingGroupCommand({ AutoScalingGroupName, DefaultCooldown: 1 })),
      /DefaultCooldown/,
    );
  });
});
