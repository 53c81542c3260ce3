import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Stack, Tags } from "aws-cdk-lib";
import { AutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import {
  InstanceClass,
  InstanceSize,
  InstanceType,
  LaunchTemplate,
  type LaunchTemplateProps,
  MachineImage,
  UserData,
} from "aws-cdk-lib/aws-ec2";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { BundleStore } from "../../infra/bundle-store.ts";
import type { PoolBundles } from "../../infra/drover-props.ts";
import {
  existingVpc,
  messageOf,
  newApp,
  newDrover,
  newStack,
  noCode,
  resourcesOf,
  resourcesOfType,
} from "./apps.ts";

const newStore = (stack: Stack, cluster = "default"): BundleStore =>
  new BundleStore(stack, "Bundles", { cluster, code: noCode });

const newRole = (stack: Stack): Role =>
  new Role(stack, "Machines", { assumedBy: new ServicePrincipal("ec2.amazonaws.com") });

const newTemplate = (
  stack: Stack,
  props: Partial<LaunchTemplateProps> = {},
  id = "Machine",
): LaunchTemplate =>
  new LaunchTemplate(stack, id, {
    machineImage: MachineImage.latestAmazonLinux2023(),
    instanceType: InstanceType.of(InstanceClass.T3, InstanceSize.MICRO),
    role: (stack.node.tryFindChild("Machines") as Role | undefined) ?? newRole(stack),
    ...props,
  });

const newGroup = (stack: Stack, launchTemplate: LaunchTemplate): AutoScalingGroup =>
  new AutoScalingGroup(stack, "Workers", { vpc: existingVpc(stack, "WorkersVpc"), launchTemplate });

/** A pool whose group is of this app. */
const manage = (
  props: Partial<LaunchTemplateProps> = {},
  bundles: Partial<PoolBundles> = {},
): Stack => {
  const stack = newStack();
  const group = newGroup(stack, newTemplate(stack, props));
  newDrover(stack).manage(group, {
    pool: "workers",
    bundles: { store: bundles.store ?? newStore(stack), ...bundles },
  });
  return stack;
};

const dataOf = (stack: Stack): Record<string, unknown>[] =>
  resourcesOfType(stack, "AWS::EC2::LaunchTemplate").map(
    ({ Properties }) => Properties["LaunchTemplateData"] as Record<string, unknown>,
  );

const idsOf = (stack: Stack, type: string, name: string): string[] =>
  Object.entries(resourcesOf(stack))
    .filter(([id, { Type }]) => Type === type && id.startsWith(name))
    .map(([id]) => id);

describe("a pool with bundles", () => {
  it("has machines that boot from the store, and keep their metadata to themselves", () => {
    const stack = manage({}, { serialFloor: 9 });
    const [data] = dataOf(stack);
    const userData = JSON.stringify(data?.["UserData"]);
    assert.match(userData, /DROVER_POOL=workers/);
    assert.match(userData, /DROVER_SERIAL_FLOOR=9/);
    assert.match(userData, /"Fn::GetAtt":\["Machines[^"]*","RoleId"\]/);
    assert.deepEqual(data?.["MetadataOptions"], {
      HttpTokens: "required",
      HttpPutResponseHopLimit: 1,
      InstanceMetadataTags: "enabled",
      HttpEndpoint: "enabled",
    });
  });

  it("has their grants before the first of them starts", () => {
    const stack = manage();
    const [policy] = idsOf(stack, "AWS::IAM::Policy", "MachinesDroverBundles");
    const [template] = resourcesOfType(stack, "AWS::EC2::LaunchTemplate");
    assert.ok(template?.DependsOn?.includes(policy ?? "none"));
  });

  it("has its store in another stack, if that is wanted", () => {
    const app = newApp();
    const stores = newStack(app, "Stores");
    const store = newStore(stores);
    const stack = newStack(app, "Machines");
    const group = newGroup(stack, newTemplate(stack));
    newDrover(stack).manage(group, { pool: "workers", bundles: { store } });
    assert.match(JSON.stringify(dataOf(stack)), /DROVER_POOL=workers/);
    assert.equal(idsOf(stack, "AWS::IAM::Policy", "MachinesDroverBundles").length, 1);
    assert.deepEqual(idsOf(stores, "AWS::IAM::Policy", "MachinesDroverBundles"), []);
  });

  it("may have a launch template that CDK makes for the group", () => {
    const stack = newStack();
    stack.node.setContext(
      "@aws-cdk/aws-autoscaling:generateLaunchTemplateInsteadOfLaunchConfig",
      true,
    );
    const group = new AutoScalingGroup(stack, "Workers", {
      vpc: existingVpc(stack, "WorkersVpc"),
      instanceType: InstanceType.of(InstanceClass.T3, InstanceSize.MICRO),
      machineImage: MachineImage.latestAmazonLinux2023(),
    });
    newDrover(stack).manage(group, { pool: "workers", bundles: { store: newStore(stack) } });
    assert.match(JSON.stringify(dataOf(stack)), /DROVER_POOL=workers/);
  });

  it("may have several, for several architectures", () => {
    const stack = newStack();
    const [intel, arm] = [newTemplate(stack, {}, "Intel"), newTemplate(stack, {}, "Arm")];
    const group = new AutoScalingGroup(stack, "Workers", {
      vpc: existingVpc(stack, "WorkersVpc"),
      mixedInstancesPolicy: {
        launchTemplate: intel,
        launchTemplateOverrides: [
          { instanceType: new InstanceType("t3.large") },
          { instanceType: new InstanceType("t4g.large"), launchTemplate: arm },
        ],
      },
    });
    newDrover(stack).manage(group, { pool: "workers", bundles: { store: newStore(stack) } });
    const texts = dataOf(stack).map((data) => JSON.stringify(data));
    assert.equal(texts.length, 2);
    for (const text of texts) assert.match(text, /DROVER_POOL=workers/);
  });

  it("keeps the options that are as they have to be", () => {
    const [data] = dataOf(
      manage({ requireImdsv2: true, httpPutResponseHopLimit: 1, instanceMetadataTags: true }),
    );
    assert.match(JSON.stringify(data), /DROVER_POOL=workers/);
  });
});

describe("what is not right with a pool's bundles", () => {
  it("is told at once, with all else", () => {
    const userData = UserData.forLinux();
    userData.addCommands("echo hello");
    const stack = newStack();
    const template = newTemplate(stack, {
      userData,
      httpTokens: "optional" as never,
      httpPutResponseHopLimit: 2,
      instanceMetadataTags: false,
    });
    const message = messageOf(() =>
      newDrover(stack).manage(newGroup(stack, template), {
        pool: "workers",
        slots: 0,
        bundles: { store: newStore(stack, "eu"), serialFloor: -1 },
      }),
    );
    for (const expected of [
      /- slots: 0: /,
      /- bundles.store: "Test\/Bundles": it is of the cluster "eu", and this is "default"/,
      /- bundles: "Test\/Machine": it has user data of its own/,
      /- Test\/Machine: httpTokens: "optional": .*requireImdsv2: true/,
      /- Test\/Machine: httpPutResponseHopLimit: 2: .*borrow its role/,
      /- Test\/Machine: instanceMetadataTags: "disabled": /,
      /- serialFloor: -1: /,
    ])
      assert.match(message, expected);
  });

  it("is a launch template without a role", () => {
    const stack = newStack();
    const template = new LaunchTemplate(stack, "Machine", {
      machineImage: MachineImage.latestAmazonLinux2023(),
      instanceType: InstanceType.of(InstanceClass.T3, InstanceSize.MICRO),
    });
    const message = messageOf(() =>
      newDrover(stack).manage(newGroup(stack, template), {
        pool: "workers",
        bundles: { store: newStore(stack) },
      }),
    );
    assert.match(message, /- bundles: "Test\/Machine": this launch template has no role/);
  });

  for (const [name, groupOf] of [
    [
      "group",
      (stack: Stack) => AutoScalingGroup.fromAutoScalingGroupName(stack, "Others", "others"),
    ],
    [
      "launch template",
      (stack: Stack) =>
        new AutoScalingGroup(stack, "Workers", {
          vpc: existingVpc(stack, "WorkersVpc"),
          launchTemplate: LaunchTemplate.fromLaunchTemplateAttributes(stack, "Others", {
            launchTemplateId: "lt-0123456789abcdef0",
          }),
        }),
    ],
  ] as const) {
    it(`is a ${name} of others`, () => {
      const stack = newStack();
      const message = messageOf(() =>
        newDrover(stack).manage(groupOf(stack), {
          pool: "workers",
          bundles: { store: newStore(stack) },
        }),
      );
      assert.match(
        message,
        /- bundles: the launch template is not made in this app: .*store\.userData/,
      );
    });
  }

  it("is told when commands are added later", () => {
    const stack = newStack();
    const userData = UserData.forLinux();
    const group = newGroup(stack, newTemplate(stack, { userData }));
    newDrover(stack).manage(group, { pool: "workers", bundles: { store: newStore(stack) } });
    userData.addCommands("echo hello");
    assert.match(
      messageOf(() => resourcesOf(stack)),
      /Test\/Machine: it has user data of its own/,
    );
  });

  it("is a tag that EC2 shows in no metadata, wherever it comes from", () => {
    const stack = newStack();
    const group = newGroup(stack, newTemplate(stack));
    newDrover(stack).manage(group, { pool: "workers", bundles: { store: newStore(stack) } });
    Tags.of(group).add("k8s.io/cluster-autoscaler/enabled", "true");
    Tags.of(group).add("cost/center", "7", { applyToLaunchedInstances: false });
    Tags.of(stack).add("Cost Center", "7", { includeResourceTypes: ["AWS::EC2::LaunchTemplate"] });
    const message = messageOf(() => resourcesOf(stack));
    assert.match(
      message,
      /Test\/Workers\/ASG: the tag "k8s\.io\/cluster-autoscaler\/enabled" keeps EC2/,
    );
    assert.match(message, /Test\/Machine\/Resource: the tag "Cost Center" keeps EC2/);
    assert.doesNotMatch(message, /cost\/center/);
  });
});
